// The transcript of one call, saved turn by turn as it happens (requirement D1), in order, on the store's
// own thread. A store that fails never stops the call: it is logged and told in the outcome.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/store/store.h"

namespace voicectl::agent {

class TranscriptLog {
 public:
    TranscriptLog(store::AsyncStore& store, store::Call call);

    /// Known once somebody has joined.
    void set_caller(const std::string& identity);
    /// What an earlier process has stored of this call; add() goes on after it.
    void recall(std::function<void(std::vector<store::Turn>)> done);
    void add(store::Turn turn);  // gives it the next sequence number
    void end(const std::string& status, const std::string& reason);
    int turns() const { return next_; }

 private:
    void begin();
    struct Shared {
        std::optional<std::int64_t> call_id;  // store thread only
    };
    store::AsyncStore& store_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    store::Call call_;
    int next_ = 0;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
