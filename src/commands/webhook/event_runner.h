// Runs a command for each event: the event on its standard input and in its environment, never on its command line. A few
// at once, each for a limited time. Lives on a loop; the commands are waited for on threads.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::commands {

struct EventRunnerOptions {
    std::string command;  // for /bin/sh
    int at_once = 4;
    std::chrono::milliseconds limit{30'000};
};

class EventRunner {
 public:
    EventRunner(Loop& loop, EventRunnerOptions options);
    /// Ends what runs.
    ~EventRunner();

    /// False: too many wait already.
    bool run(const store::WebhookEvent& event);
    /// `done` when nothing runs or waits any more.
    void finish(std::function<void()> done);
    /// An exit code other than 0, or why it could not be run.
    std::function<void(const std::string& event_id, const std::string& what)> on_trouble;

 private:
    void on_end(const std::string& event_id, const std::string& trouble);
    Loop& loop_;
    EventRunnerOptions options_;
    int open_ = 0;
    std::function<void()> finished_;
    std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);
    Workers workers_;
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
