#include "voicectl/serve/voice_client.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "voice_protocol.h"
#include "voicectl/base/json.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/websocket.h"

namespace voicectl::serve {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{250}, kLongestPause{4000};  // between tries to come back
constexpr milliseconds kUsualWindow{30000};
constexpr int kDeepestAnswer = 10;

Errc cause_of(const std::string& code) {
    if (code == "user_limit" || code == "busy" || code == "going_away" || code == "unavailable") return Errc::Unreachable;
    if (code == "no_start") return Errc::Timeout;
    if (code == "resume_refused") return Errc::NotFound;
    return Errc::Rejected;
}

class SocketVoiceClient final : public VoiceClient {
 public:
    SocketVoiceClient(AsioLoop& loop, VoiceClientOptions options, VoiceClientHandlers handlers)
        : loop_(loop), options_(std::move(options)), handlers_(std::move(handlers)), patience_(loop), pause_(loop) {
        patience_.after(options_.connect_timeout, [this] { end(fail(Errc::Timeout, "no call within {}", format_duration(options_.connect_timeout))); });
        connect();
    }

    void speak(audio::SampleView samples) override {
        if (!there_) return;
        std::string bytes(samples.size_bytes(), '\0');
        std::memcpy(bytes.data(), samples.data(), bytes.size());
        socket_->send(std::move(bytes), true);
    }
    void type(const std::string& text) override { say({{"type", "text"}, {"text", text}}); }
    void press(char key) override { say({{"type", "dtmf"}, {"key", std::string(1, key)}}); }
    void hang_up() override {
        leaving_ = true;
        if (there_) return say({{"type", "end"}});
        loop_.post(lifeline_.guard([this] { end({}); }));
    }
    bool there() const override { return there_; }

 private:
    void connect() {
        net::WebSocketOptions options;
        options.url = options_.url;
        options.headers = {{"Authorization", "Bearer " + options_.token}, {"Sec-WebSocket-Protocol", voice::kProtocol}};
        options.connect_timeout = options_.connect_timeout;
        net::WebSocketHandlers handlers;
        handlers.on_open = [this] { on_open(); };
        handlers.on_message = [this](const std::string& message, bool binary) {
            if (binary) on_audio(message);
            else on_message(message);
        };
        handlers.on_close = [this](Error why) { on_close(std::move(why)); };
        refusal_.reset();
        socket_ = net::WebSocket::open(loop_, std::move(options), std::move(handlers));
    }

    void on_open() {
        if (call_id_.empty()) return send({{"type", "start"}, {"metadata", options_.metadata}});
        send({{"type", "resume"}, {"callId", call_id_}, {"token", resume_token_}, {"received", received_}});
    }

    void on_audio(const std::string& bytes) {
        audio::Samples samples(bytes.size() / sizeof(std::int16_t));
        std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(std::int16_t));
        received_ += samples.size();
        refusal_.reset();
        if (handlers_.on_audio) handlers_.on_audio(samples);
    }

    void on_message(const std::string& text) {
        auto message = parse_object(text, kDeepestAnswer);
        if (!message) return end(fail(Errc::Protocol, "the server's message {}", message.error()));
        const auto type = text_at(*message, "type");
        if (type == "ready") on_ready(*message);
        refusal_.reset();
        if (type == "error") refusal_ = Error{cause_of(text_at(*message, "code")), terminal_safe(redact(text_at(*message, "message"))), {}};
        if (type == "ended") ended_ = true;
        if (const auto alive = std::weak_ptr<const void>(alive_); handlers_.on_message) {
            handlers_.on_message(*message);
            if (alive.expired()) return;
        }
        if (ended_) end({});
    }

    void on_ready(json& message) {
        patience_.cancel();
        call_id_ = text_at(message, "callId");
        resume_token_ = text_at(message, "resumeToken");
        message.erase("resumeToken");
        register_secret(resume_token_);
        const auto position = message.find("position");
        if (position != message.end() && position->is_number_unsigned()) received_ = position->get<std::uint64_t>();
        const auto limits = message.find("limits");
        if (limits != message.end() && limits->is_object()) window_ = milliseconds(limits->value("resumeMs", kUsualWindow.count()));
        there_ = true;
        next_pause_ = kFirstPause;
        if (leaving_) say({{"type", "end"}});
    }

    void on_close(Error why) {
        const bool was_there = std::exchange(there_, false);
        if (ended_ || leaving_) return end({});
        // Of an error that came just before the end, the end is the consequence.
        if (refusal_) return end(std::unexpected(std::move(*refusal_)));
        if (call_id_.empty() || why.code == Errc::Auth || why.code == Errc::NotFound || why.code == Errc::Usage) return end(std::unexpected(std::move(why)));
        if (was_there) {
            patience_.after(window_, [this, why] { end(fail(Errc::Unreachable, "the call is lost: {}", why.message)); });
            if (const auto alive = std::weak_ptr<const void>(alive_); handlers_.on_cut) {
                handlers_.on_cut(why);
                if (alive.expired()) return;
            }
        }
        pause_.after(next_pause_, [this] { connect(); });
        next_pause_ = std::min(next_pause_ * 2, kLongestPause);
    }

    void say(const json& message) {
        if (there_) send(message);
    }
    void send(const json& message) { socket_->send(json_text(message), false); }

    void end(Result<void> result) {
        if (std::exchange(over_, true)) return;
        there_ = false;
        patience_.cancel();
        pause_.cancel();
        socket_.reset();
        if (handlers_.on_end) handlers_.on_end(std::move(result));
    }

    AsioLoop& loop_;
    VoiceClientOptions options_;
    VoiceClientHandlers handlers_;
    std::string call_id_, resume_token_;
    std::uint64_t received_ = 0;     // samples of the agent's voice, in this call
    milliseconds window_ = kUsualWindow, next_pause_ = kFirstPause;
    std::optional<Error> refusal_;   // what the server said last is wrong
    bool there_ = false, ended_ = false, leaving_ = false, over_ = false;
    Timer patience_, pause_;
    std::unique_ptr<net::WebSocket> socket_;
    std::shared_ptr<const void> alive_ = std::make_shared<char>();
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<VoiceClient> VoiceClient::open(AsioLoop& loop, VoiceClientOptions options, VoiceClientHandlers handlers) {
    return std::make_unique<SocketVoiceClient>(loop, std::move(options), std::move(handlers));
}

}  // namespace voicectl::serve
