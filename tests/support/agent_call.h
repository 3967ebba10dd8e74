// One call of an agent on virtual time, with a real store in a temporary file: for tests of what a session does.
#pragma once

#include <doctest/doctest.h>

#include "core/agent/call_session.h"
#include "support/buzz.h"
#include "support/fake_call.h"
#include "support/temp_folder.h"

namespace voicectl::agent {

using namespace std::chrono_literals;

inline rtc::Participant person(const std::string& identity) { return {identity, "PA_1", "", "", rtc::ParticipantKind::Standard, {}}; }

struct Call {
    Call() {
        config.name = "test";
        config.greeting = "Hello there my friend.";
        stages.stt = std::unique_ptr<speech::SpeechToText>(ear = new test::FakeEar);
        stages.llm = std::unique_ptr<speech::LanguageModel>(model = new test::FakeModel);
        stages.tts = std::unique_ptr<speech::TextToSpeech>(voice = new test::FakeVoice);
    }
    ~Call() {
        session.reset();
        store.reset();
    }
    void start(std::function<void(const nlohmann::json&)> on_report = {}) {
        store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(path)), loop);
        session = std::make_unique<CallSession>(HostParts{loop, config, stages, core, *store, std::move(on_report), {}, {}, nullptr, transfer},
                                                CallTicket{"AJ_1", "room", "ws://x", "token", "{}"},
                                                [this](const CallOutcome& ended) { outcome = ended; });
        session->start();
        core.latest->join_done({});
        loop.settle();
    }
    /// Our process dies and another takes the call up.
    void taken_up() {
        session.reset();
        store.reset();
        core.latest = nullptr;
        store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(path)), loop);
        session = std::make_unique<CallSession>(HostParts{loop, config, stages, core, *store},
                                                CallTicket{"AJ_1", "room", "ws://x", "token", "{}", true},
                                                [this](const CallOutcome& ended) { outcome = ended; });
        session->start();
        while (core.latest == nullptr) {  // the store reads on a thread of its own
            REQUIRE(loop.await_post());
            loop.settle();
        }
        core.latest->join_done({});
        loop.settle();
    }
    test::FakeRoom& room() { return *core.latest; }
    void caller_comes() {
        room().events().on_joined(person("ann"));
        room().events().on_track_subscribed({"TR_1", "mic", "ann", true, true});
        room().events().on_own_track_heard("agent-voice");
    }
    /// Somebody speaks: a voice-like buzz, which voice activity takes for speech.
    void sound(std::chrono::milliseconds time, bool speech) {
        for (auto left = time; left > 0ms; left -= 10ms) {
            const auto frame = buzz.frame(speech);
            loop.advance(10ms);
            room().hear({frame, 16000, loop.now()});
        }
        loop.settle();
    }
    void caller_says(const std::string& text, std::chrono::milliseconds time = 800ms) {
        sound(time, true);
        sound(700ms, false);
        if (ear->sink.on_final) ear->sink.on_final(text);  // the call may be over
        loop.settle();
    }
    std::vector<store::Turn> transcript() {
        store.reset();  // everything queued is written now
        std::vector<store::Turn> turns;
        const auto open = store::Store::open_existing(path);
        const auto call = (*open)->find("room");
        REQUIRE(call);
        REQUIRE((*open)->turns(call->id, [&](const store::Turn& turn) {
            turns.push_back(turn);
            return true;
        }));
        return turns;
    }

    test::TempFolder folder;
    std::string path = folder.file("session.db");
    AskTransfer transfer;  // absent: callers cannot be transferred
    test::FakeLoop loop;
    AgentConfig config;
    Stages stages;
    test::FakeEar* ear;
    test::FakeModel* model;
    test::FakeVoice* voice;
    test::FakeCore core{loop};
    std::unique_ptr<store::AsyncStore> store;
    std::unique_ptr<CallSession> session;
    std::optional<CallOutcome> outcome;
    test::Buzz buzz;
};

}  // namespace voicectl::agent
