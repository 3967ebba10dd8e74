#include "voicectl/speech/breaker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace voicectl::speech {

Breaker::State Breaker::state(TimePoint now) const {
    if (!open_until_) return State::Closed;
    return now < *open_until_ ? State::Open : State::HalfOpen;
}

bool Breaker::allows(TimePoint now) {
    const auto is = state(now);
    if (is == State::Closed) return true;
    return is == State::HalfOpen && !std::exchange(trying_, true);
}

void Breaker::succeeded(TimePoint now, std::chrono::milliseconds first_result) {
    if (first_result >= limits_.slow) why_ = fmt::format("answers after {} ms", first_result.count());
    note(now, first_result < limits_.slow);
}

void Breaker::failed(TimePoint now, const Error& error) {
    why_ = error.message;
    failed(now, error.code == Errc::Auth, error.wait);
}

void Breaker::failed(TimePoint now, bool lasting, std::optional<std::chrono::milliseconds> wait) {
    if (lasting || (wait && wait->count() > 0)) {
        trying_ = false;
        return open(now, lasting ? limits_.lasting : std::min(*wait, limits_.lasting));
    }
    note(now, false);
}

void Breaker::note(TimePoint now, bool good) {
    const auto was = state(now);
    trying_ = false;
    if (was == State::HalfOpen) {
        if (!good) return open(now, std::min(limits_.longest, 2 * std::max(cool_down_, limits_.cool_down / 2)));
        open_until_.reset();
        cool_down_ = {};
        last_.clear();
        if (on_change) on_change(State::Closed);
    }
    last_.push_back(good);
    if (last_.size() > limits_.window) last_.pop_front();
    const auto bad = static_cast<double>(std::count(last_.begin(), last_.end(), false));
    if (was == State::Closed && last_.size() >= limits_.least && bad >= limits_.share * static_cast<double>(last_.size())) open(now, limits_.cool_down);
}

void Breaker::open(TimePoint now, std::chrono::milliseconds time) {
    open_until_ = open_until_ ? std::max(*open_until_, now + time) : now + time;  // who is asked all the same does not shorten it
    cool_down_ = time;
    if (on_change) on_change(State::Open);
}

const char* to_text(Breaker::State state) {
    switch (state) {
        case Breaker::State::Closed: return "closed";
        case Breaker::State::Open: return "open";
        case Breaker::State::HalfOpen: return "half_open";
    }
    return "";
}

}  // namespace voicectl::speech
