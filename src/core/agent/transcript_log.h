// The transcript of one call, saved turn by turn as it happens (requirement D1), in order, on the store's
// own thread. A store that fails never stops the call: it is logged and told in the outcome.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/log_context.h"
#include "voicectl/store/store.h"

namespace voicectl::agent {

class TranscriptLog {
 public:
    TranscriptLog(store::AsyncStore& store, store::Call call, log::Context log);

    /// Known once somebody has joined.
    void set_caller(const std::string& identity);
    /// What an earlier process has stored of this call; add() goes on after it.
    struct Recalled {
        std::vector<store::Turn> turns;
        std::string report;              // head of its report
        store::SystemTime started_at;
    };
    void recall(std::function<void(Recalled)> done);
    void add(store::Turn turn);  // gives it the next sequence number
    void end(const std::string& status, const std::string& reason);
    /// The head of the call's report, replaced.
    void save_report(const nlohmann::json& head);
    /// The same for who outlives this log, but not the store. `folder`: the whole report as a file in it, too; empty: none.
    std::function<void(const nlohmann::json& head)> report_saver(const std::string& folder) const;
    int turns() const { return next_; }

 private:
    void begin();
    struct Shared {
        std::optional<store::Call> call;  // store thread only
    };
    store::AsyncStore& store_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    store::Call call_;
    log::Context log_;
    int next_ = 0;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
