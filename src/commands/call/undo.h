// What was done, so that it can be undone in reverse when a later or a parallel step fails. Any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::commands {

class UndoLog {
 public:
    struct Outcome {
        std::string what;
        Result<void> result;
    };

    /// `what` reads "room demo deleted"; `action` makes it true.
    void did(std::string what, std::function<Result<void>()> action);
    /// The latest first. Goes on after a failure; the log is empty afterwards.
    std::vector<Outcome> undo();

 private:
    std::mutex mutex_;
    std::vector<std::pair<std::string, std::function<Result<void>()>>> steps_;
};

/// "undone: dispatch AD_1 deleted, room demo deleted; NOT undone: recording EG_1 stopped (why)".
std::string in_words(const std::vector<UndoLog::Outcome>& outcomes);

}  // namespace voicectl::commands
