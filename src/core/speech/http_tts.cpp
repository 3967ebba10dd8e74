#include "core/speech/http_tts.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <deque>

#include "core/speech/voice_answer.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/sentences.h"

namespace voicectl::speech {
namespace {

/// Signs, arrows, pictures: U+2000 to U+2BFF, variation selectors, U+1F000 and beyond.
bool is_sign(std::string_view character) {
    const auto byte = [&](std::size_t at) { return at < character.size() ? static_cast<unsigned char>(character[at]) : 0u; };
    if (byte(0) == 0xC2) return true;  // U+0080 to U+00BF
    if (byte(0) == 0xE2) return byte(1) <= 0xAF;
    return (byte(0) == 0xEF && byte(1) == 0xB8) || (byte(0) == 0xF0 && byte(1) == 0x9F);
}

/// Where the character that begins at `at` ends.
std::size_t next_character(std::string_view text, std::size_t at) {
    ++at;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    return at;
}

/// The first `count` characters.
std::string_view first_characters(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    while (count-- > 0 && at < text.size()) at = next_character(text, at);
    return text.substr(0, at);
}

class HttpVoiceStream final : public TtsStream {
 public:
    HttpVoiceStream(Loop& loop, net::HttpClient& http, std::shared_ptr<const VoiceDialect> dialect, const std::string& text, TtsSink sink)
        : loop_(loop), http_(http), dialect_(std::move(dialect)), sink_(std::make_shared<TtsSink>(std::move(sink))) {
        const auto clean = plain_text(text, text.size());
        if (has_words(clean))
            for (auto& piece : pieces_of(clean, dialect_->longest)) pieces_.push_back(std::move(piece));
        loop_.post(lifeline_.guard([this] { next_piece(); }));
    }

 private:
    void next_piece() {
        if (pieces_.empty()) return finish();
        call_.emplace(loop_, http_, dialect_->remote, dialect_->request(*dialect_, pieces_.front()),
                      RemoteCall::Handlers{.on_try = [this] { answer_.reset(); },
                                           .on_head =
                                               [this](const net::HttpResponse& head) {
                                                   answer_.emplace(head.header("content-type"), dialect_->raw_hz, dialect_->out_hz);
                                                   return Result<void>();
                                               },
                                           .on_chunk = [this](std::string_view chunk) { handle_chunk(chunk); },
                                           .on_end = [this] { handle_end(); },
                                           .on_error = [this](const Error& error) { end_with(error); }});
    }

    void handle_chunk(std::string_view chunk) {
        auto sound = answer_->push(chunk);
        if (!sound) return give_up(std::move(sound).error());
        if (!sound->empty()) call_->used();
        say(std::move(*sound));
    }

    void handle_end() {
        auto rest = answer_->finish();
        if (!rest) return give_up(std::move(rest).error());
        if (!say(std::move(*rest)) || !count_piece()) return;
        pieces_.pop_front();
        next_piece();
    }

    /// False: the listener has dropped us.
    bool say(audio::Samples samples) {
        if (samples.empty()) return true;
        const std::weak_ptr<char> alive = alive_;
        const auto sink = sink_;
        sink->on_audio(std::move(samples));
        return !alive.expired();
    }

    /// Totals are told only when the server tells figures; then those of parts for which it does not are counted.
    bool count_piece() {
        total_.characters += static_cast<std::int64_t>(utf8_length(pieces_.front()));
        if (const auto& told = answer_->usage()) {
            told_ = true;
            total_.input_tokens += told->input_tokens;
            total_.output_tokens += told->output_tokens;
        }
        const std::weak_ptr<char> alive = alive_;
        const auto sink = sink_;
        if (told_ && sink->on_usage) sink->on_usage(total_);
        return !alive.expired();
    }

    void give_up(Error error) { call_->give_up(std::move(error).while_doing(dialect_->remote.provider)); }

    void finish() {
        call_.reset();
        const auto sink = sink_;
        sink->on_done();
    }

    void end_with(const Error& error) {
        const auto sink = sink_;
        sink->on_error(error);
    }

    Loop& loop_;
    net::HttpClient& http_;
    std::shared_ptr<const VoiceDialect> dialect_;
    std::shared_ptr<TtsSink> sink_;
    std::deque<std::string> pieces_;  // front: being said
    std::optional<VoiceAnswer> answer_;
    Usage total_;
    bool told_ = false;
    std::optional<RemoteCall> call_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // tells whether a call to the sink has dropped us
    Lifeline lifeline_;
};

class HttpVoice final : public TextToSpeech {
 public:
    HttpVoice(net::HttpClient& http, VoiceDialect dialect)
        : http_(http), dialect_(std::make_shared<const VoiceDialect>(std::move(dialect))) {}

    int rate_hz() const override { return dialect_->out_hz; }
    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        return std::make_unique<HttpVoiceStream>(loop, http_, dialect_, text, std::move(sink));
    }
    std::unique_ptr<TtsStream> warm_up(Loop& loop) override {
        if (dialect_->warm_up_text.empty() || warm_.exchange(true)) return nullptr;
        return speak(loop, dialect_->warm_up_text,
                     {.on_audio = [](const audio::Samples&) {},
                      .on_done = [] {},
                      .on_error = [this_voice = dialect_](const Error& error) {
                          log::debug("tts", "not warmed up", {{"provider", this_voice->remote.provider}, {"reason", error.message}});
                      }});
    }

 private:
    net::HttpClient& http_;
    std::shared_ptr<const VoiceDialect> dialect_;
    std::atomic<bool> warm_{false};
};

}  // namespace

std::vector<std::string> pieces_of(std::string_view text, std::size_t longest) {
    std::vector<std::string> out;
    text = trim(text);
    while (!text.empty()) {
        auto head = first_characters(text, longest);
        if (head.size() < text.size()) {
            std::size_t end = 0;  // of the last whole sentence that fits
            for (auto more = sentence_end(head); more != std::string_view::npos; more = sentence_end(head.substr(end))) end += more;
            if (end == 0) end = cut_inside(text, head.size());
            head = text.substr(0, end);
        }
        if (const auto piece = trim(head); !piece.empty()) out.emplace_back(piece);
        text = trim(text.substr(head.size()));
    }
    return out;
}

bool has_words(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto end = next_character(text, at);
        const auto character = text.substr(at, end - at);
        const bool ascii = character.size() == 1;
        if (ascii ? std::isalnum(static_cast<unsigned char>(character[0])) != 0 : !is_sign(character)) return true;
        at = end;
    }
    return false;
}

std::unique_ptr<TextToSpeech> make_http_voice(net::HttpClient& http, VoiceDialect dialect) {
    return std::make_unique<HttpVoice>(http, std::move(dialect));
}

}  // namespace voicectl::speech
