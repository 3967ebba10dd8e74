// What a replay has delivered, kept in a file so that it outlives the process: one record before a delivery is sent, one when
// its fate is known, written before the loop waits again and synced ten times a second. After a SIGKILL all of them are there;
// after a power cut the last tenth of a second may be missing. One owner, one thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::commands {

class ReplayProgress {
 public:
    enum class Begin {
        Fresh,   // Conflict when an earlier replay left something
        Resume,  // goes on with it, if there is any
        Anew,    // forgets it
    };
    /// `targets` are what an earlier run must have had, too, in the same order. Conflict: another replay is at it. Usage: it is of
    /// something else. Io: the file cannot be written.
    static Result<std::unique_ptr<ReplayProgress>> open(const std::string& path, const std::vector<std::string>& targets, Begin begin);
    ~ReplayProgress();
    ReplayProgress(const ReplayProgress&) = delete;
    ReplayProgress& operator=(const ReplayProgress&) = delete;

    /// The file read now must begin as the one before did. Usage when it does not.
    Result<void> check_source(const std::string& hash_of_first);
    /// The same for all runs: what ids are made of that must not change from one to the next.
    const std::string& salt() const { return salt_; }

    bool delivered(std::size_t target, std::size_t line) const;
    /// An earlier run sent it and ended before it knew what became of it.
    bool in_doubt(std::size_t target, std::size_t line) const { return in_doubt_.contains({line, target}); }
    std::size_t count_in_doubt() const { return in_doubt_.size(); }
    std::size_t count_delivered() const { return delivered_before_; }

    /// Before it is sent. Io: then it must not be.
    Result<void> record_begin(std::size_t target, std::size_t line);
    /// Written with the next record_begin(), or by flush().
    void record_end(std::size_t target, std::size_t line, bool delivered);
    Result<void> flush();
    /// All is done: nothing stays behind.
    void remove();
    const std::string& path() const { return path_; }

 private:
    ReplayProgress(std::string path, int file);
    Result<void> load(const std::string& header, const std::vector<std::string>& targets);
    Result<void> append(std::string_view record);
    void take(std::string_view record);
    void sync_now_and_then();

    std::string path_, salt_, source_;
    std::string waiting_;  // records not written yet
    int file_;
    std::vector<std::vector<bool>> delivered_;  // by target and line
    std::set<std::pair<std::size_t, std::size_t>> in_doubt_;
    std::size_t delivered_before_ = 0;
    std::mutex mutex_;
    std::condition_variable stop_;
    bool dirty_ = false, stopping_ = false;  // under mutex_
    std::thread syncing_;
};

}  // namespace voicectl::commands
