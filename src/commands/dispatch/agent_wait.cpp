#include "commands/dispatch/agent_wait.h"

#include <thread>

#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::ParticipantInfo;
using std::chrono::milliseconds;

constexpr milliseconds kPace{250};
constexpr int kRoomCheckEvery = 4;

constexpr const char* kNobodyTookIt =
    "likely: no worker with that exact name is registered at this server; all of them are full or above their load limit; they belong to "
    "another deployment; or the worker answered the offer too late. A lost dispatch is not tried again: start the worker, then dispatch anew";
constexpr const char* kTookButDidNotCome =
    "a worker took the job but did not join: look at the agent's log (it may have crashed, or not reach the server's media ports)";

bool is_wanted(const ParticipantInfo& person, const AgentWait& wait) {
    return livekit::is_agent(person) && livekit::agent_name(person) == wait.agent && !wait.already_there.contains(person.sid());
}

struct Seen {
    std::vector<ParticipantInfo> people;
    std::size_t jobs = 0;
};

std::string in_words(const Seen& seen) {
    std::vector<std::string> people;
    for (const auto& one : seen.people) people.push_back(participant_line(one));
    return fmt::format("seen: {}, {} by the server",
                       people.empty() ? "nobody in the room" : fmt::format("{}", fmt::join(people, "; ")),
                       seen.jobs == 0 ? "no job recorded" : fmt::format("{} job recorded", seen.jobs));
}

std::size_t recorded_jobs(livekit::TwirpClient& twirp, const AgentWait& wait) {
    const auto dispatches = livekit::DispatchApi(twirp).list(wait.room);
    if (!dispatches) return 0;
    for (const auto& one : *dispatches)
        if (one.id() == wait.dispatch_id) return static_cast<std::size_t>(one.state().jobs_size());
    return 0;
}

std::unexpected<Error> nobody_came(livekit::TwirpClient& twirp, const AgentWait& wait, Seen seen) {
    seen.jobs = recorded_jobs(twirp, wait);
    const bool half_way = std::any_of(seen.people.begin(), seen.people.end(), [&](const auto& one) { return is_wanted(one, wait); });
    return fail_with_hint(Errc::Timeout,
                          fmt::format("no agent \"{}\" joined room \"{}\" within {}; {}", wait.agent, wait.room, format_duration(wait.limit), in_words(seen)),
                          seen.jobs > 0 || half_way ? kTookButDidNotCome : kNobodyTookIt);
}

}  // namespace

Result<std::set<std::string>> agents_in(livekit::TwirpClient& twirp, const std::string& room, const std::string& agent) {
    VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(room));
    std::set<std::string> out;
    for (const auto& one : people)
        if (livekit::is_agent(one) && livekit::agent_name(one) == agent) out.insert(one.sid());
    return out;
}

Result<AgentArrival> wait_for_agent(Env& env, livekit::TwirpClient& twirp, const AgentWait& wait, TimePoint begun) {
    const auto end = begun + wait.limit;
    Seen seen;
    auto next = Clock::now();
    for (int look = 1; true; ++look) {
        VC_TRY_ASSIGN(seen.people, livekit::RoomApi(twirp).participants(wait.room));
        const auto now = Clock::now();
        for (auto& one : seen.people) {
            if (!is_wanted(one, wait) || one.state() != ParticipantInfo::ACTIVE) continue;
            env.out.progress("");
            return AgentArrival{std::move(one), std::chrono::duration_cast<milliseconds>(now - begun)};
        }
        // An absent room answers like an empty one; it will not fill again.
        if (look % kRoomCheckEvery == 0) VC_TRY(livekit::RoomApi(twirp).get(wait.room));
        next += kPace;
        if (next >= end) break;
        env.out.progress(fmt::format("waiting for agent {} ({})", wait.agent, format_duration(std::chrono::duration_cast<milliseconds>(now - begun))));
        std::this_thread::sleep_until(next);
    }
    env.out.progress("");
    return nobody_came(twirp, wait, std::move(seen));
}

Json arrival_json(const AgentArrival& arrival) {
    return {{"identity", arrival.participant.identity()},
            {"sid", arrival.participant.sid()},
            {"agentName", livekit::agent_name(arrival.participant)},
            {"msToJoin", arrival.after.count()}};
}

}  // namespace voicectl::commands
