// What front-ends of livekit-agents 1.5 and later say to an agent and hear from it: one protobuf message in each byte
// stream on topic lk.agent.session. Plain values here; any thread.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "voicectl/base/result.h"

namespace voicectl::livekit {

inline constexpr const char* kAgentSessionTopic = "lk.agent.session";

struct SessionQuestion {
    enum class What { Ping, History, Info, State, Framework, Run, Other } what = What::Other;
    std::string id;
    std::string text;  // of Run
};

/// Protocol when it is no question: events and answers of others come on the same topic.
Result<SessionQuestion> parse_session_question(const std::string& bytes);

/// `answer` as the methods give it in JSON (docs/front-ends.md): {"items"}, {"agent_state", …}, {"id", …}.
std::string to_session_answer(const SessionQuestion& question, const nlohmann::json& answer);
std::string to_session_refusal(const SessionQuestion& question, const std::string& why);

/// Events, told unasked. `item` as in "items".
std::string to_state_event(const std::string& before, const std::string& now, std::chrono::system_clock::time_point at);
std::string to_item_event(const nlohmann::json& item, std::chrono::system_clock::time_point at);
std::string to_words_event(const std::string& words, bool final, std::chrono::system_clock::time_point at);

}  // namespace voicectl::livekit
