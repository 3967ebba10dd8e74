#include "voicectl/agent/rescue.h"

#include <algorithm>
#include <sstream>

#include "voicectl/base/log.h"
#include "voicectl/base/process.h"

namespace voicectl::agent {
namespace {

void log_unread(const Error& error) { log::warn("agent", "abandoned calls cannot be looked for", {{"error", error.message}}); }

}  // namespace

std::string carrier_of(const std::string& supervisor) { return supervisor.empty() ? process_identity() : process_identity() + " " + supervisor; }

bool is_abandoned(const store::CarriedCall& call, store::SystemTime now) {
    std::istringstream names(call.carrier);
    bool all_gone = !call.carrier.empty();
    for (std::string name; names >> name;) {
        const auto state = liveness(name);
        if (state == Liveness::Alive) return false;
        all_gone = all_gone && state == Liveness::Gone;
    }
    return all_gone || call.until <= now;
}

Rescue::Rescue(Loop& loop, store::AsyncStore& store, std::string agent_name, Handlers handlers)
    : store_(store), agent_name_(std::move(agent_name)), carrier_(carrier_of()), handlers_(std::move(handlers)), timer_(loop) {}

void Rescue::start() {
    look();
    timer_.every(kCarryRenewal, [this] { look(); });
}

void Rescue::look() {
    using Calls = std::vector<store::CarriedCall>;
    store_.run<Calls>([name = agent_name_](store::Store& open) { return open.carried(name); },
                      lifeline_.guard([this](const Result<Calls>& calls) {
                          if (!calls) return log_unread(calls.error());
                          const auto now = std::chrono::system_clock::now();
                          for (const auto& call : *calls)
                              if (is_abandoned(call, now)) consider(call);
                      }));
}

void Rescue::consider(const store::CarriedCall& call) {
    const auto& job = call.call.job_id;
    if (handlers_.holds(job) || !handlers_.has_room() || !asked_.insert(job).second) return;
    handlers_.somebody_waits(call.call, lifeline_.guard([this, call](const Result<bool>& waits) {
        asked_.erase(call.call.job_id);
        if (!waits) return log_unread(waits.error());
        decide(call, *waits);
    }));
}

// Two agents may have seen it: one of them gets it.
void Rescue::decide(const store::CarriedCall& call, bool waited_for) {
    store_.run<bool>(
        [call, waited_for, carrier = carrier_](store::Store& open) -> Result<bool> {
            const auto now = std::chrono::system_clock::now();
            VC_TRY_ASSIGN(const bool ours, open.take_over(call, carrier, now + kCarryLife));
            if (ours && !waited_for) VC_TRY(open.end_call(call.call.id, "failed", "its host was killed, and nobody waited in the room", now));
            return ours;
        },
        lifeline_.guard([this, call, waited_for](const Result<bool>& ours) {
            if (!ours) return log_unread(ours.error());
            if (!*ours) return;
            log::warn("agent", waited_for ? "a call whose host was killed is taken up" : "a call whose host was killed is over",
                      {{"job", call.call.job_id}, {"room", call.call.room}});
            if (waited_for) handlers_.take(call.call);
        }));
}

}  // namespace voicectl::agent
