// Calls and turns to store.
#pragma once

#include <doctest/doctest.h>

#include "voicectl/store/store.h"

namespace voicectl::store {

inline SystemTime at_second(int second) { return SystemTime(std::chrono::seconds(1'760'000'000 + second)); }

inline Turn sample_turn(int sequence, std::string text = "Good morning.") {
    Turn turn;
    turn.sequence = sequence;
    turn.speaker = sequence % 2 == 0 ? Speaker::Agent : Speaker::User;
    turn.identity = sequence % 2 == 0 ? "agent-1" : "ann";
    turn.text = std::move(text);
    turn.started_at = at_second(sequence * 2);
    turn.ended_at = turn.started_at + std::chrono::microseconds(1'500'001);
    turn.interrupted = sequence == 2;
    turn.detail_json = R"({"answerLatencyMs":740})";
    return turn;
}

inline Call sample_call(std::string room, std::string job) {
    Call call;
    call.room = std::move(room);
    call.job_id = std::move(job);
    call.agent_name = "receptionist";
    call.started_at = at_second(0);
    return call;
}

inline std::unique_ptr<Store> opened(const std::string& path) {
    auto store = Store::open(path);
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().message));
    return std::move(*store);
}

inline std::vector<Turn> all_turns(Store& store, std::int64_t call_id) {
    std::vector<Turn> out;
    const auto read = store.turns(call_id, [&](const Turn& turn) {
        out.push_back(turn);
        return true;
    });
    REQUIRE(read.has_value());
    return out;
}

}  // namespace voicectl::store
