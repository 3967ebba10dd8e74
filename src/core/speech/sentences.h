// Text for speech engines. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace voicectl::speech {

/// Pieces for one synthesis each: sentences, and parts of them when longer than `limit` bytes, so that the
/// first sound does not wait for the last word. Never empty pieces.
std::vector<std::string> split_for_speech(std::string_view text, std::size_t limit = 240);

/// For engines that know ASCII only: typographic signs and accented Latin letters become their plain form,
/// everything else (emoji, other scripts, control characters) a space.
std::string to_plain_ascii(std::string_view utf8);

}  // namespace voicectl::speech
