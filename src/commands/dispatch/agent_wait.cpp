#include "commands/dispatch/agent_wait.h"

#include <algorithm>
#include <thread>

#include "commands/dispatch/absence.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::ParticipantInfo;
using std::chrono::milliseconds;

constexpr milliseconds kPace{250};
constexpr int kRoomCheckEvery = 4;
// An agent that speaks publishes at once; one that only listens never does.
constexpr std::chrono::seconds kAudioPatience{5};

bool is_wanted(const ParticipantInfo& person, const AgentWait& wait) {
    return livekit::is_agent(person) && livekit::agent_name(person) == wait.agent && !wait.already_there.contains(person.sid());
}

Result<void> sleep_until(const AgentWait& wait, TimePoint when) {
    if (wait.interrupt != nullptr) return wait.interrupt->sleep_until(when);
    std::this_thread::sleep_until(when);
    return {};
}

std::unexpected<Error> nobody_came(Env& env, livekit::TwirpClient& twirp, const AgentWait& wait, std::vector<ParticipantInfo> people, const std::set<std::string>& ever) {
    Absence absence;
    absence.people = std::move(people);
    std::size_t still = 0;
    for (const auto& one : absence.people)
        if (is_wanted(one, wait)) ++still;
    absence.half_way = still > 0;
    absence.left = ever.size() - still;
    look_around(env, twirp, wait, absence);
    return std::unexpected(explain(wait, absence));
}

bool has_audio(const ParticipantInfo& person) {
    return std::any_of(person.tracks().begin(), person.tracks().end(), [](const auto& track) { return track.type() == livekit::proto::AUDIO; });
}

milliseconds since(TimePoint begun) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begun); }

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
    std::vector<ParticipantInfo> people;
    std::set<std::string> ever;  // sids of our agent, also of one that went again
    auto next = Clock::now();
    for (int look = 1; true; ++look) {
        VC_TRY_ASSIGN(people, livekit::RoomApi(twirp).participants(wait.room));
        const auto after = since(begun);
        for (auto& one : people) {
            if (!is_wanted(one, wait)) continue;
            ever.insert(one.sid());
            if (one.state() != ParticipantInfo::ACTIVE) continue;
            env.out.progress("");
            return AgentArrival{std::move(one), after, {}};
        }
        // An absent room answers like an empty one; it will not fill again.
        if (look % kRoomCheckEvery == 0) VC_TRY(livekit::RoomApi(twirp).get(wait.room));
        if (Clock::now() >= end) break;
        next = std::min(next + kPace, end);  // one last look when the time is up
        env.out.progress(fmt::format("waiting for agent {} ({})", wait.agent, format_duration(after)));
        VC_TRY(sleep_until(wait, next));
    }
    env.out.progress("");
    return nobody_came(env, twirp, wait, std::move(people), ever);
}

Result<void> wait_for_audio(livekit::TwirpClient& twirp, const AgentWait& wait, TimePoint begun, AgentArrival& arrival) {
    const auto end = Clock::now() + kAudioPatience;
    while (true) {
        VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(wait.room));
        const auto found = std::find_if(people.begin(), people.end(), [&](const auto& one) { return one.sid() == arrival.participant.sid(); });
        if (found == people.end()) {
            return fail_with_hint(Errc::Timeout, fmt::format("agent {} joined after {} and left again after {}, without publishing audio", wait.agent, format_duration(arrival.after), format_duration(since(begun))),
                                  "look at the agent's log");
        }
        if (has_audio(*found)) arrival.audio_after = since(begun);
        if (arrival.audio_after || Clock::now() >= end) return {};
        VC_TRY(sleep_until(wait, std::min(Clock::now() + kPace, end)));
    }
}

Json arrival_json(const AgentArrival& arrival) {
    return {{"identity", arrival.participant.identity()},
            {"sid", arrival.participant.sid()},
            {"agentName", livekit::agent_name(arrival.participant)},
            {"msToJoin", arrival.after.count()},
            {"msToAudio", arrival.audio_after ? Json(arrival.audio_after->count()) : Json()}};
}

}  // namespace voicectl::commands
