// Metadata as flags give it: replaced, or merged into what is there (RFC 7396). Values.
#pragma once

#include <string>

#include "commands/output.h"

namespace voicectl::commands {

/// `current` with `patch` merged into it. Conflict when what is there is no JSON object: what others keep there is
/// not ours to replace.
Result<Json> merged_metadata(const std::string& current, const Json& patch);
/// The same of texts. Usage when the patch is no JSON object.
Result<std::string> merge_metadata(const std::string& current, const std::string& patch);

}  // namespace voicectl::commands
