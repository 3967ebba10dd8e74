// What a replay tells at its end. A value, one thread.
#pragma once

#include <array>
#include <chrono>

#include "commands/output.h"
#include "commands/webhook/courier.h"

namespace voicectl::commands {

/// How long things took, in little memory: steps of two per cent.
class Latencies {
 public:
    void add(Duration took);
    /// In milliseconds; nothing when nothing was added. `part` from 0 to 1.
    std::optional<double> percentile(double part) const;

 private:
    std::array<std::uint64_t, 1024> counts_{};  // from 0.01 ms
    std::uint64_t all_ = 0;
};

class ReplayReport {
 public:
    void add(const Outcome& outcome, const std::string& target);
    Json json() const;
    std::string lines() const;

    std::size_t selected = 0, already_delivered = 0, attempts = 0, retries = 0, delivered = 0, failed = 0, not_sent = 0, left = 0;
    std::vector<std::size_t> in_doubt;  // lines that an earlier run may have delivered, sent again
    Duration took{};
    Errc first_failure = Errc::CheckFailed;
    std::string first_reason;

 private:
    static constexpr std::size_t kMostFailures = 1000;
    Latencies latencies_;
    Json failures_ = Json::array();
};

/// One delivery as a line of `-o jsonl`, and for people.
Json outcome_json(const Outcome& outcome, const std::string& target);
std::string outcome_line(const Outcome& outcome, const std::string& target);

}  // namespace voicectl::commands
