#include "commands/webhook/event_runner.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "voicectl/base/process.h"

namespace voicectl::commands {
namespace {

constexpr int kMostEventsWaiting = 10'000;
constexpr std::chrono::milliseconds kGlance{100};
constexpr std::size_t kLongestVariable = 4096;

std::string variable_text(std::string text) {
    std::erase(text, '\0');
    text.resize(std::min(text.size(), kLongestVariable));
    return text;
}

/// A file in memory that is read from its start: a command that does not read holds up nobody.
int file_of(const std::string& bytes) {
    const int file = memfd_create("event", MFD_CLOEXEC);
    if (file < 0) return -1;
    for (std::size_t done = 0; done < bytes.size();) {
        const auto written = write(file, bytes.data() + done, bytes.size() - done);
        if (written <= 0) break;
        done += static_cast<std::size_t>(written);
    }
    lseek(file, 0, SEEK_SET);
    return file;
}

ProcessSpec spec_for(const std::string& command, const store::WebhookEvent& event, int input) {
    ProcessSpec out;
    out.program = "/bin/sh";
    out.arguments = {"-c", command};
    out.environment = {{"VOICECTL_EVENT", variable_text(event.event)},
                       {"VOICECTL_EVENT_ID", variable_text(event.id)},
                       {"VOICECTL_ROOM", variable_text(event.room)},
                       {"VOICECTL_ROOM_SID", variable_text(event.room_sid)}};
    out.shares_output = true;
    out.input = input;
    return out;
}

/// What went wrong, "" for nothing.
std::string run_command(const EventRunnerOptions& options, const store::WebhookEvent& event, const std::atomic<bool>& stopping) {
    const int input = file_of(event.body);
    auto started = Process::start(spec_for(options.command, event, input));
    if (input >= 0) close(input);
    if (!started) return started.error().message;
    const auto end = Clock::now() + options.limit;
    while (!stopping) {
        if (const auto code = (*started)->wait_for(kGlance)) return *code == 0 ? "" : fmt::format("exit {}", *code);
        if (Clock::now() >= end) return "took too long and was ended";
    }
    return "was ended";
}

}  // namespace

EventRunner::EventRunner(Loop& loop, EventRunnerOptions options)
    : loop_(loop), options_(std::move(options)), workers_(options_.at_once, "vc-exec") {}

EventRunner::~EventRunner() { *stopping_ = true; }

bool EventRunner::run(const store::WebhookEvent& event) {
    if (open_ >= kMostEventsWaiting) return false;
    ++open_;
    auto answer = lifeline_.guard([this](const std::string& id, const std::string& trouble) { on_end(id, trouble); });
    workers_.post([&loop = loop_, options = options_, event, answer, stopping = stopping_]() mutable {
        const auto trouble = run_command(options, event, *stopping);
        loop.post([answer, id = event.id, trouble]() mutable { answer(id, trouble); });
    });
    return true;
}

void EventRunner::on_end(const std::string& event_id, const std::string& trouble) {
    --open_;
    if (!trouble.empty() && on_trouble) on_trouble(event_id, trouble);
    if (open_ == 0 && finished_) std::exchange(finished_, nullptr)();
}

void EventRunner::finish(std::function<void()> done) {
    if (open_ == 0) return done();
    finished_ = std::move(done);
}

}  // namespace voicectl::commands
