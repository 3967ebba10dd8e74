#include "voicectl/speech/chain.h"

#include <algorithm>

namespace voicectl::speech {

bool Standing::struck_out(std::size_t which, TimePoint now) const {
    if (strikes_[which] < rules_.strikes) return false;
    return !rules_.recover || breakers_[which]->state(now) == Breaker::State::Open;
}

std::size_t Standing::next(std::size_t from, TimePoint now) {
    auto last_resort = size();
    for (auto at = from; at < size(); ++at) {
        if (at + 1 < size() && struck_out(at, now)) continue;  // the last is never struck out: there is nobody after it
        if (breakers_[at]->allows(now)) return at;
        last_resort = at;
    }
    return last_resort;
}

std::size_t Standing::before(std::size_t which, TimePoint now) {
    for (std::size_t at = 0; at < which; ++at)
        if (!struck_out(at, now) && breakers_[at]->allows(now)) return at;
    return which;
}

void Standing::succeeded(std::size_t which, TimePoint asked, TimePoint first_result) {
    breakers_[which]->succeeded(first_result, std::chrono::duration_cast<std::chrono::milliseconds>(first_result - asked));
    if (rules_.recover && breakers_[which]->state(first_result) == Breaker::State::Closed) strikes_[which] = 0;
}

void Standing::failed(std::size_t which, const Error& error, TimePoint now, std::size_t to) {
    breakers_[which]->failed(now, error);
    const bool for_good = ++strikes_[which] == rules_.strikes && to < size();
    if (on_moved_) on_moved_({names_[which], to < size() ? names_[to] : std::string(), error, for_good});
}

}  // namespace voicectl::speech
