// Watches the circuit breakers of a process. Their changes are told once, whatever the number of calls; and with
// `failover.recover` a provider whose time is over is tried by us, so that no caller pays for the try. Only while there are
// calls, and at no call's cost. Owned by the host of calls, on its loop; the stages outlive it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ledger.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/loop.h"
#include "voicectl/speech/breaker.h"

namespace voicectl::agent {

class Recovery {
 public:
    using Tried = std::function<void(const std::optional<Error>& error)>;  // nothing: it is well
    struct Handlers {
        std::function<bool()> needed;  // there are calls
        /// "breaker": a provider's state has changed; "provider_probe": how a try went.
        std::function<void(const nlohmann::json& report)> on_report;
    };
    Recovery(Loop& loop, const Stages& stages, bool tries, Handlers handlers);
    ~Recovery();
    Recovery(const Recovery&) = delete;
    Recovery& operator=(const Recovery&) = delete;

    /// Who has waited for somebody to be needed by is tried now.
    void on_call();

 private:
    struct Watched {
        Watched(Loop& loop, Stage of, std::string called, speech::Breaker& its_breaker)
            : stage(of), name(std::move(called)), breaker(its_breaker), wake(loop), deadline(loop) {}
        Stage stage;
        std::string name;
        speech::Breaker& breaker;
        std::function<std::shared_ptr<void>(const Tried& done)> ask;  // what it gives keeps the request alive
        std::shared_ptr<void> request;
        bool trying = false;
        TimePoint asked;
        Timer wake, deadline;
    };

    void watch(const StageSet& set);
    template<class T>
    void watch(const Choices<T>& choices, Stage stage);
    void handle_change(Watched& one, speech::Breaker::State now);
    void handle_time_over(Watched& one);
    void try_out(Watched& one);
    void finish(Watched& one, const std::optional<Error>& error);
    /// Of several of one name (a language's, a voice's) the worst.
    speech::Breaker::State state_of(const Watched& one) const;
    void tell(const Watched& one);
    void report(const Watched& one, const char* kind, const char* what, const char* value) const;

    Loop& loop_;
    Handlers handlers_;
    bool tries_;
    std::vector<std::unique_ptr<Watched>> watched_;
    std::map<std::pair<Stage, std::string>, speech::Breaker::State> told_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
