// Who serves a stage, in the order in which they are asked, with what all calls have learnt of each. Built once and shared by
// the calls of a host; on its loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "voicectl/agent/prices.h"
#include "voicectl/speech/breaker.h"

namespace voicectl::agent {

template<class T>
class Choices {
 public:
    struct One {
        std::unique_ptr<T> engine;
        std::optional<Payee> payee = {};  // absent: whom the stage's configuration names
        std::unique_ptr<speech::Breaker> breaker = std::make_unique<speech::Breaker>();
        std::string name() const { return payee ? payee->provider : std::string(); }
    };

    Choices() = default;
    template<class U>
    Choices(std::unique_ptr<U> only) {  // NOLINT(google-explicit-constructor): one is the usual case
        if (only) all_.push_back({std::move(only)});
    }
    void add(std::unique_ptr<T> engine, Payee payee) { all_.push_back({std::move(engine), std::move(payee)}); }

    explicit operator bool() const { return !all_.empty(); }
    /// The first choice.
    T& operator*() const { return *all_.front().engine; }
    T* operator->() const { return get(); }
    T* get() const { return all_.empty() ? nullptr : all_.front().engine.get(); }
    /// The first choice's engine, for who knows of no others; null: there is none.
    std::unique_ptr<T> release() {
        auto out = all_.empty() ? nullptr : std::move(all_.front().engine);
        all_.clear();
        return out;
    }
    const std::vector<One>& all() const { return all_; }

 private:
    std::vector<One> all_;
};

}  // namespace voicectl::agent
