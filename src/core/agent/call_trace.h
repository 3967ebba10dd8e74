// One call as a trace: a span for the call, one for each turn, one for each stage of it, with the names and attributes that
// livekit-agents gives them. Lives on the loop, within its call session.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "listener.h"
#include "reply.h"
#include "voicectl/agent/otlp.h"

namespace voicectl::agent {

/// The trace of a job: what its dispatch's `traceparent` names, else one that follows from the job's id, so that every
/// process that meets the job writes the same into its log.
struct TraceIds {
    std::string trace, parent;  // parent: of the caller's own span; may be empty
};
TraceIds trace_ids(const std::string& job_id, const std::string& traceparent);

class CallTrace {
 public:
    struct About {
        std::string job_id, room, agent, stt, llm, model, tts;
        TraceIds ids;
    };
    using Wall = std::function<std::chrono::system_clock::time_point(TimePoint)>;

    /// `exporter` null: nothing is traced.
    CallTrace(SpanExporter* exporter, About about, Wall wall, TimePoint began);

    void set_caller(const std::string& identity) { caller_ = identity; }
    void prompt(TimePoint began, TimePoint ended, const std::string& error);
    /// From the beginning until the caller could hear us.
    void heard(TimePoint at);
    void user_turn(const UserTurn& turn);
    struct AgentTurn {
        const ReplyTimes& times;
        const std::optional<UserTurn>& answers;  // what the model answered with it; nothing: fixed words
        bool interrupted = false;
        std::string text, error;
    };
    void agent_turn(const AgentTurn& turn);
    void end(bool good, const std::string& reason, TimePoint at);

 private:
    /// Its id.
    std::string add(const std::string& name, const std::string& parent, TimePoint from, TimePoint to, Attributes attributes, std::string error = {},
                    Span::Kind kind = Span::Kind::Internal);

    SpanExporter* exporter_;
    About about_;
    Wall wall_;
    TimePoint began_;
    std::string root_, caller_;
    bool heard_ = false, ended_ = false;
    int turns_ = 0;
};

}  // namespace voicectl::agent
