// When a call's cost has come so far that something has to be said, and when it is spent. A value; any thread.
#pragma once

#include "voicectl/agent/money.h"

namespace voicectl::agent {

class Budget {
 public:
    enum class Step { Fine, Warn, Spent };

    /// Nothing of it: no limit.
    explicit Budget(Money limit) : limit_(limit) {}

    /// Warn once at 80 %, Spent once at all of it.
    Step at(Money cost) {
        if (limit_ == Money{} || spent_) return Step::Fine;
        if (cost >= limit_) {
            spent_ = warned_ = true;
            return Step::Spent;
        }
        if (warned_ || cost.nanos < limit_.nanos / 10 * 8) return Step::Fine;
        warned_ = true;
        return Step::Warn;
    }
    Money limit() const { return limit_; }

 private:
    Money limit_;
    bool warned_ = false, spent_ = false;
};

}  // namespace voicectl::agent
