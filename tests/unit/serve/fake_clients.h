// A voice desk on virtual time, and clients whose sockets are driven by hand; the real ones are in tests/contract/serve.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "support/buzz.h"
#include "support/fake_call.h"
#include "support/temp_folder.h"
#include "voicectl/serve/voice.h"

namespace voicectl::test {

using namespace std::chrono_literals;
using Json = nlohmann::json;

/// Tokens are names of users.
class NameGate final : public serve::Gate {
 public:
    void identify(const net::ServedRequest& request, std::function<void(Result<serve::Caller>)> done) override {
        asked = std::string(request.header("authorization"));
        if (answer) return done(*answer);
        if (asked.empty()) return done(serve::Caller{});
        if (asked == "Bearer bad") return done(fail(Errc::Auth, "the token has expired"));
        done(serve::Caller{serve::Who::User, asked.substr(std::string_view("Bearer ").size())});
    }
    std::string asked;
    std::optional<Result<serve::Caller>> answer;
};

/// The client's end of a socket that is none.
struct FakeWire {
    explicit FakeWire(FakeLoop& on) : loop(on) {}
    void say(const Json& message) { say_text(message.dump()); }
    void say_text(const std::string& text) { send(text, false); }
    void sound(const std::string& bytes) { send(bytes, true); }
    void send(const std::string& message, bool binary) {
        if (handlers.on_message) handlers.on_message(message, binary);  // else the socket is gone
        loop.settle();
    }
    /// The connection ends on the client's side.
    void go(int code) {
        if (auto on_close = std::exchange(handlers.on_close, nullptr)) on_close({code, ""});
        loop.settle();
    }
    /// Messages of that type so far.
    std::vector<Json> heard(const std::string& type) const {
        std::vector<Json> out;
        for (const auto& message : messages)
            if (message["type"] == type) out.push_back(message);
        return out;
    }
    Json last(const std::string& type) const {
        const auto all = heard(type);
        return all.empty() ? Json() : all.back();
    }

    FakeLoop& loop;
    std::optional<net::ServedResponse> refused;
    net::ServerSocketOptions options;
    net::ServerSocketHandlers handlers;
    std::vector<Json> messages;
    std::vector<std::size_t> pieces;  // bytes of audio
    std::size_t audio_bytes = 0;
    std::optional<net::SocketEnd> closed;  // by the desk
    bool accepted = false, dropped = false;
};

class FakeSocket final : public net::ServerSocket {
 public:
    explicit FakeSocket(std::shared_ptr<FakeWire> wire) : wire_(std::move(wire)) {}
    ~FakeSocket() override {
        wire_->dropped = true;
        wire_->handlers = {};
    }
    void send(std::string message, bool binary) override {
        if (wire_->closed) return;
        if (!binary) return wire_->messages.push_back(Json::parse(message)), void();
        wire_->pieces.push_back(message.size());
        wire_->audio_bytes += message.size();
    }
    void close(int code, std::string reason) override {
        if (wire_->closed) return;
        wire_->closed = net::SocketEnd{code, std::move(reason)};
        wire_->loop.post([wire = wire_] {
            if (auto on_close = std::exchange(wire->handlers.on_close, nullptr)) on_close(*wire->closed);
        });
    }
    std::size_t waiting() const override { return 0; }

 private:
    std::shared_ptr<FakeWire> wire_;
};

class FakeUpgrade final : public net::Upgrade {
 public:
    explicit FakeUpgrade(std::shared_ptr<FakeWire> wire) : wire_(std::move(wire)) {}
    void refuse(net::ServedResponse response) override { wire_->refused = std::move(response); }
    std::unique_ptr<net::ServerSocket> accept(net::ServerSocketOptions options, net::ServerSocketHandlers handlers) override {
        wire_->accepted = true;
        wire_->options = std::move(options);
        wire_->handlers = std::move(handlers);
        return std::make_unique<FakeSocket>(wire_);
    }

 private:
    std::shared_ptr<FakeWire> wire_;
};

struct VoiceWorld {
    VoiceWorld() {
        config.name = "front-desk";
        config.greeting = "Hello there my dear friend.";
        stages.stt = std::unique_ptr<speech::SpeechToText>(ear = new FakeEar);
        stages.llm = std::unique_ptr<speech::LanguageModel>(model = new FakeModel);
        stages.tts = std::unique_ptr<speech::TextToSpeech>(voice = new FakeVoice);
    }
    ~VoiceWorld() {
        desk.reset();
        store.reset();
    }
    void open(serve::VoiceOptions options = {}) {
        store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(path)), loop);
        desk = serve::VoiceDesk::create(loop, {config, stages, *store}, gate, std::move(options));
    }
    std::shared_ptr<FakeWire> connect(const net::Headers& headers) {
        auto wire = std::make_shared<FakeWire>(loop);
        desk->take({.method = "GET", .path = "/v1/voice", .query = {}, .headers = headers, .body = {}, .peer = {}}, std::make_unique<FakeUpgrade>(wire));
        loop.settle();
        return wire;
    }
    std::shared_ptr<FakeWire> connect(const std::string& user = "ann") { return connect(net::Headers{{"authorization", "Bearer " + user}}); }
    /// Real time: the store has threads of its own.
    template<class Condition>
    void until(Condition condition) {
        while (!condition()) {
            REQUIRE(loop.await_post());
            loop.settle();
        }
    }
    /// A client that is in a call.
    std::shared_ptr<FakeWire> call(const std::string& user = "ann", const Json& start = {{"type", "start"}}) {
        auto wire = connect(user);
        REQUIRE(wire->accepted);
        wire->say(start);
        until([&] { return !wire->last("ready").is_null() || wire->closed; });
        return wire;
    }
    std::shared_ptr<FakeWire> resume(const Json& ready, const std::string& user = "ann", std::optional<std::uint64_t> received = {}) {
        auto wire = connect(user);
        Json message{{"type", "resume"}, {"callId", ready["callId"]}, {"token", ready["resumeToken"]}};
        if (received) message["received"] = *received;
        wire->say(message);
        return wire;
    }
    void until_ended(const FakeWire& wire) {
        until([&] { return !wire.last("ended").is_null(); });
    }
    /// The client speaks in pieces of 100 ms, in real time.
    void speak(FakeWire& wire, std::chrono::milliseconds time, bool speech) {
        for (; time > 0ms; time -= 100ms) {
            wire.sound(sound(100ms, speech));
            loop.advance(100ms);
        }
    }
    std::string sound(std::chrono::milliseconds time, bool speech) {
        std::string bytes;
        for (; time > 0ms; time -= 10ms) {
            const auto frame = buzz.frame(speech);
            bytes.append(reinterpret_cast<const char*>(frame.data()), frame.size() * 2);
        }
        return bytes;
    }

    TempFolder folder;
    std::string path = folder.file("voice.db");
    FakeLoop loop;
    agent::AgentConfig config;
    agent::Stages stages;
    FakeEar* ear;
    FakeModel* model;
    FakeVoice* voice;
    NameGate gate;
    std::unique_ptr<store::AsyncStore> store;
    std::unique_ptr<serve::VoiceDesk> desk;
    Buzz buzz;
};

}  // namespace voicectl::test
