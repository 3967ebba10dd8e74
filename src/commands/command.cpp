#include "commands/command.h"

#include <iostream>
#include <iterator>

#include "voicectl/base/text.h"

namespace voicectl::commands {

Result<std::string> read_payload(const std::string& given) {
    if (given == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    if (!given.starts_with('@')) return given;
    auto text = read_file(given.substr(1));
    // Exit 5 is for what the server does not have.
    if (!text && text.error().code == Errc::NotFound) return fail(Errc::Usage, "{}", text.error().message);
    return text;
}

std::vector<std::string> lines_of_stdin() {
    std::vector<std::string> out;
    for (std::string line; std::getline(std::cin, line);)
        if (const auto name = trim(line); !name.empty()) out.emplace_back(name);
    return out;
}

Result<std::chrono::milliseconds> time_of(std::string_view flag, const std::string& text) {
    if (text.empty()) return std::chrono::milliseconds(0);
    VC_TRY_ASSIGN(const auto time, parse_duration(text));
    if (time.count() <= 0) return fail_with_hint(Errc::Usage, fmt::format("{} must be more than zero", flag), "times are written like 500ms, 30s, 5m, 2h");
    return time;
}

Result<std::pair<std::string, std::string>> parse_assignment(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        return fail_with_hint(Errc::Usage, fmt::format("'{}' is not KEY=VALUE", text), "write it like --attribute language=en");
    return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace voicectl::commands
