#include "call_process.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "process_messages.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

constexpr std::chrono::milliseconds kEndTime{300};

// With each join LiveKit's core asks programs (lsb_release, getconf, by Rust's os_info) what system this is: a shell script and a dozen
// processes, 15 ms of CPU. What it finds nowhere it reads from /etc/os-release. A call process starts no program.
constexpr const char* kNowhere = "/dev/null";

}  // namespace

Result<std::unique_ptr<CallProcess>> CallProcess::start(AsioLoop& loop, const ProcessHostOptions& options, const ProcessSetup& setup, Handlers handlers) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail(Errc::Io, "socketpair: {}", std::strerror(errno));
    ProcessSpec spec;
    spec.program = options.command.front();
    spec.arguments.assign(options.command.begin() + 1, options.command.end());
    spec.environment = options.environment;
    spec.environment.emplace_back("PATH", kNowhere);
    spec.passed = ends[1];
    spec.shares_output = true;
    spec.outlives_us = true;  // its callers do not hear that the supervisor died
    auto process = Process::start(spec);
    close(ends[1]);
    if (!process) {
        close(ends[0]);
        return std::unexpected(std::move(process).error());
    }
    auto self = std::unique_ptr<CallProcess>(new CallProcess(loop, std::move(handlers)));
    self->process_ = std::move(*process);
    self->channel_ = Channel::open(loop, ends[0],
                                   {.on_message = [me = self.get()](const nlohmann::json& message) { me->on_message(message); },
                                    .on_closed = [me = self.get()](const Error&) {
                                        me->kill();  // what no longer talks to us is not let alone with callers
                                        const auto tell = me->handlers_.on_died;
                                        tell();
                                    }});
    self->channel_->send(messages::setup(setup));
    return self;
}

void CallProcess::kill() { process_->signal(SIGKILL); }

void CallProcess::dismiss() { channel_.reset(); }  // which tells it that nobody wants it any more

void CallProcess::end() {
    dismiss();
    if (!process_->wait_for(kEndTime)) kill();
}

std::string CallProcess::exit_code() const {
    const auto code = process_->wait_for(std::chrono::milliseconds{100});
    return code ? fmt::format("{}", *code) : "none";
}

void CallProcess::take(const CallTicket& ticket) {
    calls_[ticket.job_id] = ticket;
    ++calls_taken_;
    channel_->send(messages::call(ticket));
}

void CallProcess::stop(const std::string& job_id, const std::string& reason) {
    if (calls_.contains(job_id)) channel_->send(messages::stop(job_id, reason));
}

void CallProcess::stop_all(const std::string& reason) { channel_->send(messages::stop_all(reason)); }

void CallProcess::retire() {
    retiring_ = true;
    end_if_done();
}

void CallProcess::end_if_done() {
    if (retiring_ && calls_.empty()) channel_->send({{"type", "quit"}});
}

// The answer finds nobody when the process has died meanwhile.
void CallProcess::pass_on(const nlohmann::json& message) {
    auto wanted = messages::to_transfer(message);
    const auto answer = lifeline_.guard([this, id = messages::id_of(message)](const Result<void>& done) {
        if (channel_) channel_->send(messages::transferred(id, done));
    });
    const auto held = calls_.find(wanted.job_id);
    if (held == calls_.end()) return TransferDone(answer)(fail(Errc::NotFound, "there is no such call"));
    wanted.room = held->second.room;  // nobody is fetched out of another
    handlers_.on_transfer(wanted, answer);
}

void CallProcess::on_message(const nlohmann::json& message) {
    const auto type = messages::type_of(message);
    if (type == "ready") {
        ready_ = true;
        return handlers_.on_ready();
    }
    if (type == "notReady") return handlers_.on_not_ready(messages::to_error(message));
    if (type == "ended") {
        const auto outcome = messages::to_outcome(message);
        if (calls_.erase(outcome.job_id) == 0) return;
        if (calls_.empty()) idle_since_ = loop_.now();
        end_if_done();
        return handlers_.on_ended(outcome);
    }
    if (type == "report") return handlers_.on_report(message);
    if (type == "transfer") return pass_on(message);
    log::warn("agent", "a call process said what nobody understands", {{"pid", pid()}, {"type", type}});
}

}  // namespace voicectl::agent
