#include "commands/command.h"

#include <iostream>
#include <iterator>

#include "voicectl/base/text.h"

namespace voicectl::commands {

bool is_utf8(std::string_view text) { return valid_utf8(text) == text; }

Result<std::string> read_bytes(const std::string& given) {
    if (given == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    if (!given.starts_with('@')) return given;
    if (given.size() == 1) return fail_with_hint(Errc::Usage, "after '@' a file name is missing", "@FILE reads a file, - standard input");
    return read_given_file(given.substr(1));
}

Result<std::string> read_payload(const std::string& given) {
    VC_TRY_ASSIGN(auto text, read_bytes(given));
    if (is_utf8(text)) return text;
    const auto from = given == "-" ? "standard input" : given.starts_with('@') ? given.substr(1) : fmt::format("'{}'", given);
    return fail_with_hint(Errc::Usage, fmt::format("{} is not UTF-8", from), "LiveKit's texts are UTF-8; iconv -f latin1 -t utf-8 makes it");
}

Result<std::string> read_given_file(const std::string& path, std::size_t limit) {
    auto text = read_file(path, limit);
    if (!text) text.error().code = Errc::Usage;
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
    const auto parsed = parse_duration(text);
    if (!parsed) return fail_with_hint(Errc::Usage, fmt::format("{}: {}", flag, parsed.error().message), "times are written like 500ms, 30s, 5m, 2h");
    const auto time = *parsed;
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
