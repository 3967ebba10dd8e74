#include "core/speech/heard_answer.h"

#include <algorithm>

#include "core/speech/remote.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestAnswer = 1024 * 1024;
constexpr int kDeepestAnswer = 8;  // verbose_json has words in segments

double number_in(const json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number() ? std::clamp(at->get<double>(), 0.0, 1e9) : 0;
}

/// {type: "tokens", input_tokens, output_tokens} or {type: "duration", seconds}.
std::optional<Usage> usage_told(const json& answer) {
    const auto at = answer.find("usage");
    if (at == answer.end() || !at->is_object()) return std::nullopt;
    Usage usage{.audio_ms = static_cast<std::int64_t>(number_in(*at, "seconds") * 1000),
                .input_tokens = static_cast<std::int64_t>(number_in(*at, "input_tokens")),
                .output_tokens = static_cast<std::int64_t>(number_in(*at, "output_tokens"))};
    return usage == Usage{} ? std::nullopt : std::optional(usage);
}

}  // namespace

HeardAnswer::HeardAnswer(std::string_view content_type) : type_(to_lower_ascii(trim(content_type.substr(0, content_type.find(';'))))) {
    form_ = type_ == "text/event-stream" ? Form::Events
            : type_ == "text/plain"      ? Form::Plain
            : type_.empty() || type_.ends_with("json") ? Form::Json
                                                       : Form::Other;
    if (form_ != Form::Events) return;
    sse_.emplace([this](const std::string& data) {
        if (auto read = read_event(data); !read) event_error_ = std::move(read).error();
        return !event_error_;
    });
}

Result<bool> HeardAnswer::push(std::string_view bytes) {
    if (form_ != Form::Events) {
        body_ += bytes.substr(0, kLargestAnswer + 1 - std::min(kLargestAnswer + 1, body_.size()));
        if (body_.size() > kLargestAnswer) return fail(Errc::Protocol, "the server answered with more than {} bytes", kLargestAnswer);
        return false;
    }
    const auto before = text_.size();
    if (!event_error_) VC_TRY(sse_->push(bytes));
    if (event_error_) return std::unexpected(*event_error_);
    return text_.size() != before;
}

Result<std::string> HeardAnswer::finish() {
    if (form_ != Form::Events) return read_whole();
    sse_->finish();
    if (event_error_) return std::unexpected(*event_error_);
    if (!done_) return fail(Errc::Protocol, "the server broke off in the middle of its answer");
    return std::string(trim(text_));
}

Result<std::string> HeardAnswer::read_whole() {
    const auto valid = valid_utf8(body_);
    if (form_ == Form::Plain) return std::string(trim(valid));
    const auto shown = [&] { return parse_server_error(body_).message; };
    if (form_ == Form::Other)
        return fail_with_hint(Errc::Protocol, fmt::format("the server answered {} in place of a text: {}", terminal_safe(type_), shown()),
                              "is base_url the server's API for transcriptions?");
    const auto answer = parse_object(valid, kDeepestAnswer);
    if (!answer) return fail(Errc::Protocol, "the server's answer {}: {}", answer.error(), shown());
    const auto text = answer->find("text");
    if (text == answer->end() || !text->is_string()) return fail(Errc::Protocol, "the server answered without a text: {}", shown());
    usage_ = usage_told(*answer);
    return std::string(trim(text->get_ref<const std::string&>()));
}

Result<void> HeardAnswer::read_event(const std::string& data) {
    if (trim(data) == "[DONE]" || done_) return {};
    const auto event = parse_object(valid_utf8(data), kDeepestAnswer);
    if (!event) return fail(Errc::Protocol, "an event of the server {}", event.error());
    const auto type = text_at(*event, "type");
    if (type == "error" || (event->contains("error") && !event->at("error").is_null()))
        return fail(Errc::Unreachable, "the server broke off: {}", parse_server_error(data).message);
    if (type == "transcript.text.delta") {
        text_ += text_at(*event, "delta");
        if (text_.size() > kLargestAnswer) return fail(Errc::Protocol, "the server answered with more than {} bytes", kLargestAnswer);
    } else if (type == "transcript.text.done") {
        if (auto whole = text_at(*event, "text"); !whole.empty()) text_ = std::move(whole);
        usage_ = usage_told(*event);
        done_ = true;
    }
    return {};
}

}  // namespace voicectl::speech
