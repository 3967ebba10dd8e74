// Metadata as flags give it: replaced, or merged into what is there (RFC 7396). Values.
#pragma once

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::commands {

/// `current` with `patch` merged into it. Conflict when what is there is no JSON object, Usage when the patch is none.
Result<std::string> merge_metadata(const std::string& current, const std::string& patch);

}  // namespace voicectl::commands
