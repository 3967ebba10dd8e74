// What happens in a call besides its turns: events, errors, counts. Bounded. With the ledger it is the head of the
// call's report, as it is stored after every turn. Lives on the loop.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "ledger.h"
#include "voicectl/agent/config.h"

namespace voicectl::agent {

class CallRecord {
 public:
    explicit CallRecord(const AgentConfig& config);

    /// Times are milliseconds since the call began.
    void event(std::int64_t at_ms, const char* kind, const std::string& detail = {});
    void error(std::int64_t at_ms, const char* stage, const std::string& message);
    void count_interruption() { ++interruptions_; }
    void count_false_interruption() { ++false_interruptions_; }

    nlohmann::json head(const Ledger& ledger) const;
    /// As another process has left it.
    void restore(const nlohmann::json& head);

 private:
    std::string name_, file_;
    Money budget_;
    nlohmann::json events_ = nlohmann::json::array(), errors_ = nlohmann::json::array();
    int dropped_events_ = 0, dropped_errors_ = 0;
    int interruptions_ = 0, false_interruptions_ = 0, processes_ = 1;
};

}  // namespace voicectl::agent
