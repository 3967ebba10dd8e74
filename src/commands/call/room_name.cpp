#include "commands/call/room_name.h"

#include <algorithm>
#include <cctype>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::size_t kLongestName = 256;  // bytes; the server's default limit
constexpr std::string_view kMark = "-call_";
constexpr std::size_t kSeconds = 16, kMilliseconds = 19;  // lengths of 20260131T180000Z and 20260131T180000123Z

std::string escaped(std::string_view user) {
    std::string out;
    for (const char c : user) {
        if (c == '_' || c == '%') out += fmt::format("%{:02X}", static_cast<int>(c));
        else out += c;
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto code = text.substr(i, 3);
        if (code != "%5F" && code != "%25") return std::nullopt;
        out += code == "%5F" ? '_' : '%';
        i += 2;
    }
    return out;
}

// 2026-01-31T18:00:00.123Z without what is not a digit, T or Z.
std::string compact(std::chrono::system_clock::time_point time) {
    auto out = format_time(time);
    std::erase_if(out, [](char c) { return c == '-' || c == ':' || c == '.'; });
    return out;
}

bool is_compact_time(std::string_view text) {
    if ((text.size() != kSeconds && text.size() != kMilliseconds) || text[8] != 'T' || text.back() != 'Z') return false;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return std::all_of(text.begin(), text.begin() + 8, digit) && std::all_of(text.begin() + 9, text.end() - 1, digit);
}

Result<std::string> field(std::string_view name, const RoomNameParts& parts) {
    const auto given = [&](const std::string& value, const char* flag) -> Result<std::string> {
        if (!value.empty()) return value;
        return fail_with_hint(Errc::Usage, fmt::format("the room template has {{{}}}, but there is no {}", name, flag),
                              fmt::format("add {}, or name the room with --room or another --room-template", flag));
    };
    if (name == "user") {
        VC_TRY_ASSIGN(const auto user, given(parts.user, "--user"));
        return escaped(user);
    }
    if (name == "agent") return given(parts.agent, "--agent");
    if (name == "ts") return compact(parts.time);
    if (name == "id") return random_id(8);
    return fail_with_hint(Errc::Usage, fmt::format("the room template has an unknown field {{{}}}", terminal_safe(name)),
                          "{user}, {agent}, {ts} and {id} are known");
}

}  // namespace

Result<std::string> fill_room_template(std::string_view text, const RoomNameParts& parts) {
    std::string out;
    while (!text.empty()) {
        const auto open = text.find('{');
        out += text.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        if (close == std::string_view::npos) return fail(Errc::Usage, "the room template has a {{ without }}");
        VC_TRY_ASSIGN(const auto value, field(text.substr(open + 1, close - open - 1), parts));
        out += value;
        text.remove_prefix(close + 1);
    }
    if (out.empty()) return fail(Errc::Usage, "the room template is empty");
    if (out.size() > kLongestName)
        return fail(Errc::Usage, "the room name would be {} bytes long; LiveKit takes {}", out.size(), kLongestName);
    return out;
}

std::optional<std::string> room_user(std::string_view room) {
    const auto end = room.find('_');
    const auto mark = room.rfind(kMark);
    if (end == std::string_view::npos || end == 0 || mark == std::string_view::npos || mark < end) return std::nullopt;
    if (!is_compact_time(room.substr(mark + kMark.size()))) return std::nullopt;
    return unescaped(room.substr(0, end));
}

}  // namespace voicectl::commands
