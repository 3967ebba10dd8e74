// Calls and turns for the tests of this layer.
#pragma once

#include <string>
#include <vector>

#include "voicectl/transcript/format.h"

namespace voicectl::transcript::test {

inline store::SystemTime at(std::int64_t ms) { return store::SystemTime(std::chrono::milliseconds(1'767'323'045'000 + ms)); }  // 2026-01-02T03:04:05Z

inline store::Call sample_call() {
    store::Call call;
    call.id = 7;
    call.room = "demo";
    call.attempt = 2;
    call.agent_name = "receptionist";
    call.job_id = "AJ_1";
    call.caller_identity = "ann";
    call.status = "completed";
    call.started_at = at(0);
    call.ended_at = at(80'000);
    return call;
}

inline store::Turn said(int sequence, store::Speaker speaker, std::int64_t ms, std::string text, std::int64_t length_ms = 1500) {
    store::Turn turn;
    turn.sequence = sequence;
    turn.speaker = speaker;
    turn.identity = speaker == store::Speaker::Agent ? "bot-1" : "ann";
    turn.text = std::move(text);
    turn.started_at = at(ms);
    turn.ended_at = at(ms + length_ms);
    return turn;
}

inline std::string written(std::string_view form, const std::vector<store::Turn>& turns, const Style& style = {}, const store::Call& call = sample_call()) {
    const auto writer = find_form(form)->create(style);
    std::string out;
    writer->begin(out);
    writer->begin_call(call, out);
    for (const auto& turn : turns) writer->turn(turn, call, out);
    writer->end_call(out);
    writer->end(out);
    return out;
}

}  // namespace voicectl::transcript::test
