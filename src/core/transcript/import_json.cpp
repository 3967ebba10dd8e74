#include "core/transcript/import_json.h"

#include <algorithm>
#include <iterator>

#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;

constexpr const char* kLine = "\x01line";  // in no JSON that anybody writes
constexpr int kDeepest = 64;

/// Reads characters and counts the ends of lines.
struct Counting {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;
    const char* at;
    std::size_t* line;
    reference operator*() const { return *at; }
    Counting& operator++() {
        if (*at++ == '\n') ++*line;
        return *this;
    }
    Counting operator++(int) {
        auto before = *this;
        ++*this;
        return before;
    }
    bool operator==(const Counting& other) const { return at == other.at; }
};

// "…parse error at line 3, column 5: syntax error while parsing value - invalid literal; last read: '…'": what was read may be what
// somebody said.
std::string reason_in(std::string_view message) {
    const auto colon = message.find(": ");
    if (colon != std::string_view::npos) message.remove_prefix(colon + 2);
    return terminal_safe(message.substr(0, message.find("; last read")));
}

}  // namespace

std::unexpected<Error> at_line(std::size_t line, std::string_view what) {
    return line == 0 ? fail(Errc::Usage, "{}", what) : fail(Errc::Usage, "line {}: {}", line, what);
}

std::unexpected<Error> at_line(const json& object, std::string_view what) { return at_line(line_of(object), what); }

Result<json> parse_with_lines(std::string_view text, std::size_t first_line) {
    std::size_t line = first_line;
    std::vector<std::size_t> open;
    bool too_deep = false;
    const auto watch = [&](int depth, json::parse_event_t event, json& value) {
        too_deep = too_deep || depth > kDeepest;
        if (event == json::parse_event_t::object_start) open.push_back(line);
        if (event == json::parse_event_t::object_end) {
            if (!too_deep) value[kLine] = open.back();
            open.pop_back();
        }
        return !too_deep;
    };
    try {
        auto out = json::parse(Counting{text.data(), &line}, Counting{text.data() + text.size(), &line}, watch);
        if (too_deep) return at_line(first_line, "the JSON is nested too deeply");
        return out;
    } catch (const json::exception& exception) {
        return at_line(line, fmt::format("no JSON: {}", reason_in(exception.what())));
    }
}

std::size_t line_of(const json& object) {
    if (!object.is_object()) return 0;
    const auto found = object.find(kLine);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::size_t>() : 0;
}

json without_lines(json value) {
    std::vector<json*> left{&value};
    while (!left.empty()) {
        auto& one = *left.back();
        left.pop_back();
        if (one.is_object()) one.erase(kLine);
        if (one.is_structured())
            for (auto& child : one) left.push_back(&child);
    }
    return value;
}

void LeftOut::unknown_keys(const json& object, std::string_view of, const std::vector<std::string_view>& known) {
    for (const auto& [key, value] : object.items())
        if (key != kLine && std::find(known.begin(), known.end(), key) == known.end()) add(fmt::format("{} of {}", terminal_safe(key.substr(0, 60)), of));
}

std::vector<std::string> LeftOut::remarks() const {
    constexpr std::size_t kMost = 50;  // a file may name thousands of things
    std::vector<std::string> out;
    for (const auto& [what, count] : counts_) {
        if (out.size() == kMost) {
            out.push_back(fmt::format("and {} other things", counts_.size() - kMost));
            break;
        }
        out.push_back(count == 1 ? what : fmt::format("{} ({} times)", what, count));
    }
    return out;
}

std::optional<store::SystemTime> time_of_seconds(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) return std::nullopt;
    const auto seconds = found->get<double>();
    if (!(seconds > 0) || seconds > kLastMs / 1000.0) return std::nullopt;
    return store::SystemTime(std::chrono::round<std::chrono::microseconds>(std::chrono::duration<double>(seconds)));
}

}  // namespace voicectl::transcript
