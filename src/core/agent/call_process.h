// One call process as the supervisor sees it: started, talked to, and given up when it dies. Lives on the loop.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "channel.h"
#include "voicectl/agent/processes.h"
#include "voicectl/base/process.h"

namespace voicectl::agent {

class CallProcess {
 public:
    struct Handlers {
        std::function<void()> on_ready;
        std::function<void(const Error&)> on_not_ready;  // it will end by itself
        std::function<void(const CallOutcome&)> on_ended;
        std::function<void(const nlohmann::json&)> on_report;
        AskTransfer on_transfer;        // of a call of its own
        std::function<void()> on_died;  // once, the last
    };

    static Result<std::unique_ptr<CallProcess>> start(AsioLoop& loop, const ProcessHostOptions& options, const ProcessSetup& setup, Handlers handlers);

    void take(const CallTicket& ticket);
    void stop(const std::string& job_id, const std::string& reason);
    void stop_all(const std::string& reason);
    /// No new calls; ends with its last one.
    void retire();

    const std::map<std::string, CallTicket>& calls() const { return calls_; }
    int calls_taken() const { return calls_taken_; }  // in all its life
    bool ready() const { return ready_; }
    bool retiring() const { return retiring_; }
    int pid() const { return process_->pid(); }
    TimePoint started() const { return started_; }
    /// When its last call ended, or it was started.
    TimePoint idle_since() const { return idle_since_; }
    void kill();
    /// It is to go now: told so, and (end) killed when it does not. end() blocks for a moment.
    void dismiss();
    void end();
    /// Of one that died; nothing while it lives.
    std::string exit_code() const;

 private:
    CallProcess(AsioLoop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)), started_(loop.now()), idle_since_(loop.now()) {}
    void on_message(const nlohmann::json& message);
    void pass_on(const nlohmann::json& message);
    void end_if_done();

    AsioLoop& loop_;
    Handlers handlers_;
    TimePoint started_, idle_since_;
    std::map<std::string, CallTicket> calls_;
    int calls_taken_ = 0;
    bool ready_ = false, retiring_ = false;
    std::unique_ptr<Process> process_;
    std::unique_ptr<Channel> channel_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
