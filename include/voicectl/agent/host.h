// The two sides of an agent worker, kept apart so that a process boundary can come between them:
// JobDesk decides on jobs (it holds the registration), CallHost carries calls (it holds LiveKit's core).
// Only plain values pass between them. Both live on the loop.
#pragma once

#include <functional>
#include <chrono>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/agent/choices.h"
#include "voicectl/agent/config.h"
#include "voicectl/agent/otlp.h"
#include "voicectl/agent/prompt_backend.h"
#include "voicectl/agent/tools.h"
#include "voicectl/agent/turn_judge.h"
#include "voicectl/base/loop.h"
#include "voicectl/livekit/worker.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/providers.h"
#include "voicectl/store/store.h"

namespace voicectl::agent {

/// All that a host needs to carry one call.
struct CallTicket {
    std::string job_id, room, url, token, metadata;
    bool resumed = false;  // its process died: the conversation goes on as the store has it
};

/// Of the agent in its room, from the first time to the last.
std::string identity_of(const std::string& job_id);

struct CallOutcome {
    std::string job_id;
    bool good = true;
    std::string reason;  // "caller left", "room deleted", …
    int turns = 0;
};

/// A caller who is to be handed over to another telephone number or SIP address.
struct Transfer {
    std::string job_id, room, identity;
    std::string to;  // "tel:+49301234", "sip:desk@example.com"
};
using TransferDone = std::function<void(Result<void> done)>;
/// `done` is called once, on the loop, perhaps within this call, and within kTransferTime.
using AskTransfer = std::function<void(const Transfer& wanted, TransferDone done)>;
/// What a session is told where nobody can do it.
inline Error no_transfers() { return {Errc::Rejected, "calls cannot be transferred here"}; }
inline constexpr std::chrono::seconds kTransferTime{30};

struct StageSet {
    Choices<speech::SpeechToText> stt = {};
    Choices<speech::LanguageModel> llm = {};
    Choices<speech::TextToSpeech> tts = {};
    std::map<std::string, Choices<speech::TextToSpeech>> voices = {};  // by name
};

/// The stages as built from a configuration, and what else calls need; shared by all calls of a host.
struct Stages : StageSet {
    std::unique_ptr<speech::VoiceModel> vad = {};    // null: voice activity that needs no model
    Choices<speech::TextToSpeech> apology = {};      // says what is said when the voice itself fails; perhaps nobody
    std::unique_ptr<TurnJudge> judge = {};           // null: words do not tell whether a turn is over
    std::map<std::string, StageSet> languages = {};  // what a language has of its own; null: the agent's
    std::unique_ptr<PromptBackend> prompts = {};     // null: instructions do not come from a backend
    std::unique_ptr<Toolbox> tools = {};             // null: the model has none
    std::optional<OtlpTarget> traces = {};           // nothing: calls are not traced
};

/// Builds the stages; every fault at its line of the file, as far as one does not hide another. Of a file with faults of its
/// own only the stages that it names are tried. Loads models, so it takes a second or so.
std::expected<Stages, ConfigFaults> build_stages(const LoadedConfig& loaded, const speech::ProviderContext& context);

class CallHost {
 public:
    virtual ~CallHost() = default;  // leaves all calls
    virtual void start(const CallTicket& ticket) = 0;
    /// Ends one call politely; unknown ids are ignored.
    virtual void stop(const std::string& job_id, const std::string& reason) = 0;
    virtual void stop_all(const std::string& reason) = 0;
    /// Says `words` after the sentence that is being said, then ends the call, as far as the host can.
    virtual void say_goodbye(const std::string& job_id, const std::string& /*words*/, const std::string& reason) { stop(job_id, reason); }
    virtual int active() const = 0;
    /// The call was taken up by another process a moment ago: its dead participant is being thrown out, and the
    /// server takes that for the end of the job.
    virtual bool just_taken_up(const std::string& /*job_id*/) const { return false; }
    std::function<void(const CallOutcome&)> on_ended;
    /// What a session tells of itself while it runs: {"type":"report", "kind": …}.
    std::function<void(const nlohmann::json& report)> on_report;
    /// A session wants its caller transferred: done by whoever has the server's API secret. Absent: nobody can.
    AskTransfer on_transfer;

 protected:
    void pass_on(const Transfer& wanted, TransferDone done) const {
        if (on_transfer) on_transfer(wanted, std::move(done));
        else done(std::unexpected(no_transfers()));
    }
};

struct HostParts {
    Loop& loop;
    const AgentConfig& config;
    Stages& stages;
    rtc::Core& core;
    store::AsyncStore& store;
    std::function<void(const nlohmann::json& report)> on_report = {};
    std::string carrier = {};  // the processes that calls hang on (carrier_of())
    std::function<void(const store::Turn& turn)> on_turn = {};  // of both sides, as they are stored
    SpanExporter* spans = nullptr;  // null: calls are not traced; the host makes its own as `stages.traces` has it
    AskTransfer transfer = {};      // absent: callers cannot be transferred; a host passes on to its on_transfer
};
std::unique_ptr<CallHost> make_call_host(HostParts parts);

/// What happens to jobs, for stdout and logs: "registered", "lost", "job_accepted", "job_refused",
/// "job_started", "job_taken_over", "job_ended", "draining", "stopped".
struct WorkerEvent {
    std::string kind;
    std::string job_id, room, detail;
    bool good = true;
    int turns = 0;
    std::string dispatch_id = {};  // of a job that is refused
    std::string trace{};  // of a job
};

struct DeskOptions {
    livekit::Server server;
    bool once = false;  // one job, then stop
    std::string deployment;
    std::chrono::milliseconds reach_within{20000};  // the first registration; later ones are tried for ever
    int capacity = 12;            // calls at once
    std::function<float()> load;  // of the machine, 0…1, asked whenever it matters; absent: 0
    float load_threshold = 1;         // from here on no call is taken; 1: load is no reason
    /// What a call is taken to add to `load` for the `unseen_for` after it was accepted, in which `load` hardly knows of it.
    float load_of_new_call = 0;
    std::chrono::milliseconds unseen_for{3000};
    /// Asked before a job is accepted that nothing else speaks against: "" or why it is refused ("user limit"), or an error
    /// when that cannot be told. Absent: everybody is welcome. Who gives no answer within `admit_within` has none.
    std::function<void(const livekit::Job& job, std::function<void(Result<std::string>)> done)> admit;
    std::chrono::milliseconds admit_within{300};
    std::function<void(const std::string& job_id)> on_over;  // of every job that was admitted
};

class JobDesk {
 public:
    /// `on_stopped` once: with nothing after a drain or --once, or with why it cannot go on (Auth; Unreachable
    /// when it never got as far as a registration).
    static std::unique_ptr<JobDesk> create(AsioLoop& loop, const AgentConfig& config, DeskOptions options, CallHost& host,
                                           std::function<void(const WorkerEvent&)> on_event,
                                           std::function<void(Result<void>)> on_stopped);
    virtual ~JobDesk() = default;
    /// No new jobs; stops when the last call is over or after the configured drain timeout.
    virtual void drain() = 0;
    /// Ends all calls now.
    virtual void force() = 0;
    /// Carries on a call that the server takes for lost: nobody there waits for word of its job.
    virtual void take_over(const CallTicket& ticket) = 0;
    /// Why no call is taken at this moment ("not registered", "draining", "full", "overloaded"); empty: one is.
    virtual std::string closed() const = 0;
    virtual bool registered() const = 0;
    /// This job's call is carried here, or on its way from one process to another.
    virtual bool holds(const std::string& job_id) const = 0;
};

}  // namespace voicectl::agent
