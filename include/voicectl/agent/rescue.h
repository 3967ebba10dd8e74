// Calls whose host was killed as a whole, supervisor and all: another agent of the same name, or the same one started
// again, takes them up from the store that they share. Whoever carries calls says so in the store every few seconds.
// Lives on the loop; the store outlives it.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/store/store.h"

namespace voicectl::agent {

/// How long one word of a carrier counts, and how often it is given.
inline constexpr std::chrono::seconds kCarryLife{20}, kCarryRenewal{5};

/// What a carrier is called in the store: this process, and the supervisor that stands in for it when it dies.
std::string carrier_of(const std::string& supervisor = {});
/// Nobody carries this call any more: all of its processes are gone, or (where we cannot look) it was not mentioned for too long.
bool is_abandoned(const store::CarriedCall& call, store::SystemTime now);

class Rescue {
 public:
    struct Handlers {
        /// Is there a place for a call now?
        std::function<bool()> has_room;
        /// Ours: carried, or between two processes.
        std::function<bool(const std::string& job_id)> holds;
        /// Asks the server whether somebody is in the call's room. An error: not known, it is asked again later.
        std::function<void(const store::Call& call, std::function<void(Result<bool>)> done)> somebody_waits;
        std::function<void(const store::Call& call)> take;
    };
    Rescue(Loop& loop, store::AsyncStore& store, std::string agent_name, Handlers handlers);
    /// Now, and every kCarryRenewal from then on.
    void start();

 private:
    void look();
    void consider(const store::CarriedCall& call);
    void decide(const store::CarriedCall& call, bool waited_for);

    store::AsyncStore& store_;
    std::string agent_name_, carrier_;
    Handlers handlers_;
    std::set<std::string> asked_;  // jobs of which the server is asked now
    Timer timer_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
