// Requests that wait for the core's answer: each is finished exactly once, by its answer, by its deadline,
// or because the room is gone. Loop only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/rtc/ffi.h"
#include "voicectl/base/loop.h"

namespace voicectl::rtc {

class Pending {
 public:
    using Done = std::function<void(Result<EventPtr>)>;
    static constexpr std::chrono::seconds kPatience{15};

    explicit Pending(Loop& loop) : loop_(loop) {}

    std::uint64_t add(std::string what, Done done) {
        const auto id = next_++;
        auto timer = std::make_unique<Timer>(loop_);
        timer->after(kPatience, [this, id, what = std::move(what)] {
            finish(id, fail(Errc::Timeout, "{}: no answer within {} s", what, kPatience.count()));
        });
        waiting_.emplace(id, Waiting{std::move(done), std::move(timer)});
        return id;
    }

    /// Late answers are ignored. `done` may be the end of us: last thing done here.
    void finish(std::uint64_t id, Result<EventPtr> result) {
        auto node = waiting_.extract(id);
        if (!node.empty()) node.mapped().done(std::move(result));
    }

    /// Takes all that wait; the caller tells them, because telling one may end everything.
    std::vector<Done> take_all() {
        std::vector<Done> all;
        for (auto& [id, waiting] : std::exchange(waiting_, {})) all.push_back(std::move(waiting.done));
        return all;
    }

 private:
    struct Waiting {
        Done done;
        std::unique_ptr<Timer> timer;
    };
    Loop& loop_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace voicectl::rtc
