#include <csignal>

#include "channel.h"
#include "process_messages.h"
#include "transfer_line.h"
#include "voicectl/agent/processes.h"
#include "voicectl/base/log.h"
#include "voicectl/base/signals.h"

namespace voicectl::agent {
namespace {

// A call process: does what the supervisor says, and without one sees its calls through.
class Servant {
 public:
    Servant(AsioLoop& loop, int descriptor, HostFactory make_host)
        : loop_(loop),
          make_host_(std::move(make_host)),
          // systemd tells every process of a service to end: whoever has callers ends after them.
          signals_(loop, [this](int number, int) {
              if (number == SIGTERM) quit_when_idle();
          }),
          channel_(Channel::open(loop, descriptor,
                                 {.on_message = [this](const nlohmann::json& message) { on_message(message); },
                                  .on_closed = [this](const Error&) { on_supervisor_gone(); }})),
          transfers_(loop, [this](const nlohmann::json& message) { channel_->send(message); }) {}

    Result<void> run() {
        loop_.run();
        return result_;
    }

 private:
    void on_message(const nlohmann::json& message) {
        const auto type = messages::type_of(message);
        if (type == "setup") return set_up(messages::to_setup(message));
        if (type == "quit") return quit_when_idle();
        if (host_ == nullptr) return;
        if (type == "transferred") return transfers_.answered(message);
        if (type == "call") host_->start(messages::to_ticket(message));
        if (type == "stop") host_->stop(message.value("job", std::string()), message.value("reason", std::string()));
        if (type == "stopAll") host_->stop_all(message.value("reason", std::string()));
    }

    void set_up(const ProcessSetup& setup) {
        auto made = make_host_(setup);
        if (!made) {
            channel_->send(messages::not_ready(made.error()));
            result_ = std::unexpected(made.error());
            return quit_when_idle();
        }
        host_ = *made;
        host_->on_ended = [this](const CallOutcome& outcome) {
            channel_->send(messages::ended(outcome));
            if (quitting_) quit_when_idle();
        };
        host_->on_report = [this](const nlohmann::json& report) { channel_->send(report); };
        host_->on_transfer = [this](const Transfer& wanted, TransferDone done) { transfers_.ask(wanted, std::move(done)); };
        channel_->send(messages::ready());
    }

    void on_supervisor_gone() {
        if (host_ != nullptr && host_->active() > 0) log::warn("agent", "the supervisor is gone; running calls go on", {{"calls", host_->active()}});
        transfers_.close();
        quit_when_idle();
    }

    void quit_when_idle() {
        quitting_ = true;
        if (host_ == nullptr || host_->active() == 0) quit_soon();
    }

    /// What was sent last gets out first.
    void quit_soon() {
        loop_.call_at(loop_.now() + std::chrono::milliseconds{20}, [this] { loop_.stop(); });
    }

    AsioLoop& loop_;
    HostFactory make_host_;
    CallHost* host_ = nullptr;
    bool quitting_ = false;
    Result<void> result_;
    Signals signals_;
    std::unique_ptr<Channel> channel_;
    TransferLine transfers_;
};

}  // namespace

Result<void> serve_calls(AsioLoop& loop, int descriptor, HostFactory make_host) {
    return Servant(loop, descriptor, std::move(make_host)).run();
}

}  // namespace voicectl::agent
