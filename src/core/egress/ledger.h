// The journal behind a loop: written in order on a thread of its own, for a sync must not hold up the audio. On the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"
#include "voicectl/egress/journal.h"

namespace voicectl::egress {

class Ledger {
 public:
    Ledger(Loop& loop, std::unique_ptr<Journal> journal) : loop_(loop), journal_(std::move(journal)) {}

    const std::string& folder() const { return journal_->folder(); }
    /// `done` on the loop; none: a failure is logged.
    void write(JournalEntry entry, std::function<void(Result<void>)> done = {});
    void remove(const std::string& egress_id, std::function<void()> done = {});

 private:
    Loop& loop_;
    std::shared_ptr<Journal> journal_;
    Workers thread_{1, "vc-journal"};
    SerialQueue queue_{thread_};
    Lifeline lifeline_;
};

}  // namespace voicectl::egress
