#include "voicectl/egress/names.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>

#include "voicectl/base/text.h"

namespace voicectl::egress {
namespace {

// A part of a path may have 255 bytes on nearly every file system; some are for what is written beside it.
constexpr std::size_t kLongestPart = 200;
// Endings that egress services write; another's text after a dot belongs to the name.
constexpr std::array<std::string_view, 10> kEndings{".ogg", ".mp3", ".mp4", ".webm", ".ivf", ".h264", ".ts", ".m3u8", ".jpeg", ".opus"};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// One part of a path, whatever others have called their room.
std::string as_part(std::string text) {
    for (auto& c : text)
        if (is_control(c) || c == '/' || c == '\\') c = '_';
    if (text.starts_with('.')) text[0] = '_';
    return text;
}

std::string time_text(std::chrono::system_clock::time_point at) {
    const auto seconds = std::chrono::system_clock::to_time_t(at);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 32> out{};
    return {out.data(), std::strftime(out.data(), out.size(), "%Y-%m-%dT%H%M%S", &parts)};
}

std::string utc_text(std::chrono::system_clock::time_point at) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    const auto whole = std::chrono::system_clock::to_time_t(seconds);
    std::tm parts{};
    gmtime_r(&whole, &parts);
    std::array<char, 32> out{};
    const std::string text(out.data(), std::strftime(out.data(), out.size(), "%Y%m%d%H%M%S", &parts));
    return fmt::format("{}{:03}", text, std::chrono::duration_cast<std::chrono::milliseconds>(at - seconds).count());
}

std::string value_of(std::string_view name, const NameFacts& facts) {
    if (name == "room_name") return facts.room_name;
    if (name == "room_id") return facts.room_id;
    if (name == "egress_id" || name == "job_id") return facts.egress_id;
    if (name == "publisher_identity") return facts.publisher_identity;
    if (name == "track_id") return facts.track_id;
    if (name == "track_type") return facts.track_type;
    if (name == "track_source") return facts.track_source;
    if (name == "retry") return std::to_string(facts.retry);
    if (name == "time") return time_text(facts.at);
    if (name == "utc") return utc_text(facts.at);
    return {};
}

// In one pass: what a room's name has in braces is not filled again.
std::string filled(std::string_view path, const NameFacts& facts) {
    std::string out;
    for (std::size_t at = 0; at < path.size();) {
        const auto open = path.find('{', at);
        const auto close = open == std::string_view::npos ? open : path.find_first_of("{}", open + 1);
        if (close == std::string_view::npos) return out.append(path.substr(at));
        out += path.substr(at, open - at);
        const auto value = path[close] == '}' ? as_part(value_of(path.substr(open + 1, close - open - 1), facts)) : "";
        at = path[close] == '}' ? close + 1 : close;
        out += value.empty() ? std::string(path.substr(open, at - open)) : value;
    }
    return out;
}

std::string cut(std::string text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;  // not within a character
    text.resize(limit);
    return text;
}

std::string with_ending(std::string name, std::string_view ending) {
    const auto dot = name.rfind('.');
    const auto has = dot == std::string::npos ? std::string() : to_lower_ascii(name.substr(dot));
    if (dot != std::string::npos && dot > 0 && std::find(kEndings.begin(), kEndings.end(), has) != kEndings.end()) name.resize(dot);
    return cut(std::move(name), kLongestPart - ending.size()) + std::string(ending);
}

}  // namespace

std::vector<std::string_view> known_templates(Recorded what) {
    std::vector<std::string_view> out{"room_name", "room_id", "time", "utc", "retry"};
    if (what != Recorded::Room) out.emplace_back("publisher_identity");
    if (what == Recorded::Track) out.insert(out.end(), {"track_id", "track_type", "track_source"});
    return out;
}

std::string file_name(const Plan& plan, const NameFacts& facts) {
    const auto usual = fmt::format("{}-{}", as_part(plan.subject), time_text(facts.at));
    const bool named = !plan.path.empty() && !plan.path.ends_with('/');
    std::vector<std::string> parts;
    for (const auto& part : split(valid_utf8(filled(plan.path, facts)), '/')) {
        if (part.empty() || part == "." || part == "..") continue;
        auto safe = part;
        std::replace_if(safe.begin(), safe.end(), is_control, '_');
        parts.push_back(cut(std::move(safe), kLongestPart));
    }
    if (!named || parts.empty()) parts.push_back(usual);
    parts.back() = with_ending(valid_utf8(parts.back()), ending(plan.form));
    return fmt::format("{}{}", plan.path.starts_with('/') ? "/" : "", fmt::join(parts, "/"));
}

std::string manifest_name(const std::string& name, const std::string& egress_id) {
    const auto slash = name.rfind('/');
    return (slash == std::string::npos ? "" : name.substr(0, slash + 1)) + as_part(egress_id) + ".json";
}

Result<std::string> local_path(const std::string& name, const std::string& root, bool absolute_paths) {
    namespace fs = std::filesystem;
    std::error_code failed;
    const auto folder = fs::absolute(root.empty() ? "." : root, failed).lexically_normal();
    if (failed) return fail(Errc::Io, "the folder of recordings {} cannot be found: {}", root, failed.message());
    const auto path = (folder / name).lexically_normal();  // an absolute name stays as it is
    if (absolute_paths || !name.starts_with('/')) return path.string();
    const auto [rest, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
    const bool inside = rest == folder.end() || (rest->empty() && std::next(rest) == folder.end());  // "/a/" ends in an empty part
    if (inside) return path.string();
    return fail_with_hint(Errc::Rejected, fmt::format("{} is outside of the folder of recordings", terminal_safe(name)), "give a path that does not begin with /");
}

}  // namespace voicectl::egress
