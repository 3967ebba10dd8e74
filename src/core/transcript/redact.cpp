#include "voicectl/transcript/redact.h"

#include <re2/re2.h>

#include <algorithm>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

using nlohmann::ordered_json;
using Stretch = std::pair<std::size_t, std::size_t>;  // begin and end

constexpr std::int64_t kMostMemory = 4 << 20;
constexpr std::string_view kInstead = "[redacted]";

void find_all(const re2::RE2& expression, const std::string& text, std::vector<Stretch>& found) {
    const re2::StringPiece whole(text.data(), text.size());
    re2::StringPiece match;
    for (std::size_t at = 0; at <= text.size() && expression.Match(whole, at, text.size(), re2::RE2::UNANCHORED, &match, 1);) {
        const auto begin = static_cast<std::size_t>(match.data() - text.data());
        if (!match.empty()) found.emplace_back(begin, begin + match.size());
        at = match.empty() ? begin + 1 : begin + match.size();
    }
}

}  // namespace

Result<Redactor> Redactor::create(const std::vector<std::string>& expressions) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMostMemory);
    Redactor made;
    for (const auto& text : expressions) {
        auto one = std::make_shared<const re2::RE2>(text, options);
        if (!one->ok())
            return fail_with_hint(Errc::Usage, fmt::format("--redact '{}' is no regular expression: {}", terminal_safe(text), terminal_safe(one->error())),
                                  "RE2's form: no look-ahead, no back-references");
        made.expressions_.push_back(std::move(one));
    }
    return made;
}

std::string Redactor::apply(const std::string& given) const {
    if (expressions_.empty()) return given;
    const auto text = valid_utf8(given);
    std::vector<Stretch> found;
    for (const auto& one : expressions_) find_all(*one, text, found);
    if (found.empty()) return text;
    std::sort(found.begin(), found.end());
    std::string out;
    std::size_t done = 0;
    bool first = true;
    for (const auto& [begin, end] : found) {
        if (first || begin > done) {
            out.append(text, done, begin - done);
            out += kInstead;
        }
        first = false;
        done = std::max(done, end);
    }
    return out.append(text, done);
}

// Within JSON a text may be written in many ways: what it says is looked at, not how.
std::string Redactor::apply_to_json(const std::string& text) const {
    auto json = ordered_json::parse(valid_utf8(text), nullptr, false);
    if (!json.is_structured()) return apply(text);
    std::vector<ordered_json*> left{&json};
    while (!left.empty()) {
        auto& one = *left.back();
        left.pop_back();
        if (one.is_object()) one = with_keys(one);
        for (auto at = one.begin(); at != one.end(); ++at) {
            if (at->is_structured()) left.push_back(&*at);
            else if (at->is_string()) *at = apply(at->get<std::string>());
            else if (at->is_number() && !(one.is_object() && at.key().ends_with("Ms"))) *at = number(*at);  // a card's number; no latency
        }
    }
    return json_text(json);
}

ordered_json Redactor::number(const ordered_json& value) const {
    const auto text = json_text(value);
    const auto redacted = apply(text);
    return redacted == text ? value : ordered_json(redacted);
}

ordered_json Redactor::with_keys(ordered_json& object) const {
    ordered_json out = ordered_json::object();
    for (auto& [key, value] : object.items()) out[apply(key)] = std::move(value);
    return out;
}

void Redactor::apply(store::Turn& turn) const {
    if (expressions_.empty()) return;
    turn.text = apply(turn.text);
    turn.identity = apply(turn.identity);
    if (!turn.detail_json.empty()) turn.detail_json = apply_to_json(turn.detail_json);
}

void Redactor::apply(store::Call& call) const {
    if (expressions_.empty()) return;
    call.room = apply(call.room);
    call.caller_identity = apply(call.caller_identity);
    call.reason = apply(call.reason);
    call.dispatch_metadata = apply_to_json(call.dispatch_metadata);
}

}  // namespace voicectl::transcript
