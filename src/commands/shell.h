// What is printed to be given to a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace voicectl::commands {

/// One word in single quotes, whatever it holds.
std::string shell_quoted(std::string_view text);

}  // namespace voicectl::commands
