#include "commands/room/dtmf_keys.h"

#include <cctype>

#include "voicectl/base/text.h"

namespace voicectl::commands {

Result<std::string> parse_keys(const std::string& text) {
    constexpr std::string_view kKeys = "0123456789*#ABCD,";
    std::string out;
    for (const char c : text) {
        if (c == ' ' || c == '-') continue;
        const char key = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        if (kKeys.find(key) == std::string_view::npos)
            return fail_with_hint(Errc::Usage, fmt::format("'{}' is no key of a telephone", terminal_safe(std::string(1, c))),
                                  "keys are 0-9 * # A-D; a comma waits a second");
        out += key;
    }
    return out;
}

}  // namespace voicectl::commands
