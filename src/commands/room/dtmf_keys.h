// Keys of a telephone, as they are typed on a command line. Values.
#pragma once

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::commands {

/// 0-9 * # A-D in any case, and ',' for a pause of a second; blanks and dashes between are dropped.
Result<std::string> parse_keys(const std::string& text);

}  // namespace voicectl::commands
