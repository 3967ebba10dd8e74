// How many calls one user may hold at once, over all agents that share a store (requirement E9). A place is a lease
// in the store: taken before a job is accepted, renewed by whoever carries the call, given back at its end; what a
// crashed host held runs out. Lives on the loop; the store outlives it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "voicectl/store/store.h"

namespace voicectl::agent {

/// How long a place lasts without being renewed, and how often it is.
inline constexpr std::chrono::seconds kPlaceLife{20}, kPlaceRenewal{5};

/// `userId` of a dispatch's metadata (requirement A5); "" when there is none. The metadata is anybody's: what is no JSON
/// object, or a name of more than 128 bytes, names nobody.
std::string user_of(const std::string& metadata);

class UserCap {
 public:
    /// `most`: calls at once; 0: no limit. `now` is for tests.
    UserCap(store::AsyncStore& store, int most, std::function<store::SystemTime()> now = std::chrono::system_clock::now)
        : store_(store), most_(most), now_(std::move(now)) {}

    bool counts(const std::string& user) const { return most_ > 0 && !user.empty(); }
    /// Is there a place for this job? An error when the store cannot tell. Not called after our end.
    void ask(const std::string& job_id, const std::string& user, std::function<void(Result<bool>)> done);
    /// `done`: it is free for others, or the store cannot tell. Not called after our end.
    void give_back(const std::string& job_id, std::function<void()> done = {});
    /// Every kPlaceRenewal, by whoever carries these calls.
    void renew(std::vector<store::Lease> held);

 private:
    store::AsyncStore& store_;
    int most_;
    std::function<store::SystemTime()> now_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
