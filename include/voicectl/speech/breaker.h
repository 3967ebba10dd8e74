// Whether a provider is worth asking now, learnt from all calls of a process (Nygard, "Release It!", circuit breaker).
// One loop; shared by the chains of that loop's calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::speech {

struct BreakerLimits {
    std::size_t window = 10;                     // of so many last requests …
    std::size_t least = 3;                       // … and not before there were so many …
    double share = 0.5;                          // … this share failed, or was slow: it opens
    std::chrono::milliseconds slow{4000};        // till the first result: later is as bad as never
    std::chrono::milliseconds cool_down{30000};  // open so long; then one request tries. Doubled each time that fails …
    std::chrono::milliseconds longest{300000};   // … up to this
    std::chrono::milliseconds lasting{300000};   // open so long for a wrong key; and at most when the server says how long
};

class Breaker {
 public:
    enum class State { Closed, Open, HalfOpen };

    explicit Breaker(BreakerLimits limits = {}) : limits_(limits) {}

    State state(TimePoint now) const;
    /// Open: for so long from `now`; else 0.
    Duration open_for(TimePoint now) const { return open_until_ && *open_until_ > now ? *open_until_ - now : Duration::zero(); }
    /// What opened it last; one line.
    const std::string& why() const { return why_; }
    /// May a request go there? In HalfOpen one at a time: who was allowed tells how it went.
    bool allows(TimePoint now);
    void succeeded(TimePoint now, std::chrono::milliseconds first_result);
    /// `lasting`: no use to ask again soon (a wrong key, a used-up quota). `wait`: what the server asked for.
    void failed(TimePoint now, bool lasting, std::optional<std::chrono::milliseconds> wait = {});
    /// The same as an error tells it.
    void failed(TimePoint now, const Error& error);
    /// It was asked and nothing can be said of it: the caller interrupted, for example.
    void unknown() { trying_ = false; }
    /// Where somebody else tries when its time is over, it need not stay open for longer each time.
    void stay_open_at_most(std::chrono::milliseconds longest) { limits_.longest = longest; }

    /// It was opened (also once more, after a try) or closed. That an open one's time is over is told by nobody.
    std::function<void(State now)> on_change;

 private:
    void note(TimePoint now, bool good);
    void open(TimePoint now, std::chrono::milliseconds time);

    BreakerLimits limits_;
    std::deque<bool> last_;  // good?
    std::optional<TimePoint> open_until_;
    std::chrono::milliseconds cool_down_{0};  // of the last opening; 0: closed since then
    bool trying_ = false;    // the one request of HalfOpen is on its way
    std::string why_;
};

const char* to_text(Breaker::State state);  // "closed", "open", "half_open"

}  // namespace voicectl::speech
