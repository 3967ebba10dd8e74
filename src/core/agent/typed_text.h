// Text that others type, made fit for a model, a log and a store. Pure.
#pragma once

#include <string>
#include <string_view>

namespace voicectl::agent {

/// At most `limit` characters of it: broken UTF-8 marked, control characters, bidirectional overrides and invisible
/// tags (with which text hides from people what models read) taken out, line ends and tabs made plain, blanks at its
/// ends cut. Empty when nothing is left.
std::string to_typed_text(std::string_view text, std::size_t limit);

}  // namespace voicectl::agent
