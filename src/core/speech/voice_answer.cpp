#include "core/speech/voice_answer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/speech/remote.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using nlohmann::json;

constexpr int kDeepestEvent = 8;
constexpr std::size_t kLongestEvent = 4 * 1024 * 1024;  // base64 of a minute at 24 kHz
constexpr std::size_t kShownBody = 4096;
constexpr int kLowestHz = 4000, kHighestHz = 192'000;

std::string media_type(std::string_view header) { return to_lower_ascii(trim(header.substr(0, header.find(';')))); }

/// `rate` among the parameters of a Content-Type (RFC 3190 for L16; others do it alike).
int rate_of(std::string_view header, int fallback) {
    for (const auto& part : split(header, ';')) {
        const auto parameter = to_lower_ascii(trim(part));
        if (!parameter.starts_with("rate=")) continue;
        int rate = 0;
        std::from_chars(parameter.data() + 5, parameter.data() + parameter.size(), rate);
        if (rate >= kLowestHz && rate <= kHighestHz) return rate;
    }
    return fallback;
}

bool is_compressed(std::string_view type) {
    constexpr std::array<std::string_view, 9> kNames{"mpeg", "mp3", "ogg", "opus", "webm", "aac", "flac", "mp4", "m4a"};
    return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return type.contains(name); });
}

/// Servers label raw sound in many ways, or not at all.
bool may_be_sound(std::string_view type) {
    return type.empty() || type.starts_with("audio/") || type == "application/octet-stream" || type == "binary/octet-stream";
}

std::unexpected<Error> no_sound(std::string what) {
    return fail_with_hint(Errc::Protocol, std::move(what), "is base_url the server's API for speech?");
}

Usage tokens_in(const json& usage) {
    const auto count = [&](const char* key) {
        const auto at = usage.find(key);
        return at == usage.end() || !at->is_number() ? 0 : static_cast<std::int64_t>(std::clamp(at->get<double>(), 0.0, 1e9));
    };
    return {.input_tokens = count("input_tokens"), .output_tokens = count("output_tokens")};
}

}  // namespace

VoiceAnswer::VoiceAnswer(std::string_view content_type, int raw_hz, int out_hz)
    : type_(media_type(content_type)), out_hz_(out_hz), pcm_(rate_of(content_type, raw_hz), 1) {
    form_ = type_ == "text/event-stream" ? Form::Events : may_be_sound(type_) && !is_compressed(type_) ? Form::Sound : Form::Other;
    if (form_ != Form::Events) return;
    sse_.emplace(
        [this](const std::string& data) {
            if (auto read = read_event(data); !read) event_error_ = std::move(read).error();
            return !event_error_;
        },
        kLongestEvent);
}

Result<audio::Samples> VoiceAnswer::push(std::string_view bytes) {
    if (event_error_) return std::unexpected(*event_error_);
    if (form_ == Form::Sound) return to_sound(bytes);
    if (form_ == Form::Other) {
        other_ += bytes.substr(0, kShownBody - std::min(kShownBody, other_.size()));
        return audio::Samples();
    }
    if (auto read = sse_->push(bytes); !read) event_error_ = std::move(read).error();
    if (event_error_ && decoded_.empty()) return std::unexpected(*event_error_);  // else first what came before it
    return to_sound(std::exchange(decoded_, {}));
}

Result<audio::Samples> VoiceAnswer::finish() {
    if (form_ == Form::Other) {
        if (is_compressed(type_))
            return fail_with_hint(Errc::Protocol, fmt::format("the server answered {} in place of raw samples or WAV", terminal_safe(type_)),
                                  "it must know the response format pcm or wav");
        const auto said = parse_server_error(other_).message;
        return no_sound(fmt::format("the server answered {} in place of sound: {}", terminal_safe(type_), said.empty() ? "nothing" : said));
    }
    if (form_ == Form::Events) {
        sse_->finish();
        if (event_error_) return std::unexpected(*event_error_);
        if (!told_end_) return fail(Errc::Protocol, "the server broke off in the middle of its speech");
        VC_TRY(pcm_.push(std::exchange(decoded_, {})));
    }
    if (!pcm_.known() && type_.contains("wav")) return no_sound("the server answered without any sound, or with the start of a WAV");
    if (auto whole = pcm_.finish(); !whole) return no_sound(std::move(whole).error().message);
    VC_TRY_ASSIGN(auto rest, take());
    if (resampler_) {
        const auto tail = resampler_->flush();
        rest.insert(rest.end(), tail.begin(), tail.end());
    }
    if (!any_) return no_sound("the server answered without any sound");
    if (pcm_.missing() > 0) return fail(Errc::Protocol, "the server broke off in the middle of its speech");
    return rest;
}

Result<audio::Samples> VoiceAnswer::to_sound(std::string_view bytes) {
    if (auto pushed = pcm_.push(bytes); !pushed) return no_sound(std::move(pushed).error().message);
    return take();
}

Result<audio::Samples> VoiceAnswer::take() {
    if (!pcm_.known()) return audio::Samples();
    auto samples = pcm_.take();
    any_ = any_ || !samples.empty();
    if (pcm_.rate_hz() == out_hz_) return samples;
    if (pcm_.rate_hz() < kLowestHz || pcm_.rate_hz() > kHighestHz)
        return no_sound(fmt::format("the server sent sound of {} Hz", pcm_.rate_hz()));
    if (!resampler_) resampler_.emplace(pcm_.rate_hz(), out_hz_);
    return resampler_->process(samples);
}

// https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event; other servers name the member `audio`.
Result<void> VoiceAnswer::read_event(const std::string& data) {
    if (trim(data) == "[DONE]") {
        told_end_ = true;
        return {};
    }
    const auto event = parse_object(valid_utf8(data), kDeepestEvent);
    if (!event) return fail(Errc::Protocol, "an event of the server {}", event.error());
    const auto type = text_at(*event, "type");
    if (type == "error" || (event->contains("error") && !event->at("error").is_null()))
        return fail(Errc::Unreachable, "the server broke off: {}", parse_server_error(data).message);
    if (type == "speech.audio.done") {
        told_end_ = true;
        if (const auto usage = event->find("usage"); usage != event->end() && usage->is_object())
            if (const auto tokens = tokens_in(*usage); tokens != Usage{}) usage_ = tokens;
        return {};
    }
    auto base64 = text_at(*event, "delta");
    if (base64.empty()) base64 = text_at(*event, "audio");
    auto sound = base64_decode(base64);
    if (!sound) return fail(Errc::Protocol, "the server sent sound that is no base64");
    decoded_ += *sound;
    return {};
}

}  // namespace voicectl::speech
