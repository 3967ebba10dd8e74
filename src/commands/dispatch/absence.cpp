#include "commands/dispatch/absence.h"

#include <algorithm>

#include "commands/room/view.h"
#include "voicectl/base/text.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {
namespace {

// A glance at the server, not a census.
constexpr std::size_t kMostRooms = 50;

constexpr const char* kAnew = "A lost dispatch is not tried again: mend it, then dispatch anew";

std::string folded(const std::string& name) {
    auto out = to_lower_ascii(name);
    std::erase_if(out, [](char c) { return c == '-' || c == '_' || c == ' '; });
    return out;
}

/// One letter more, less, other or swapped with its neighbour; case and dashes aside.
bool nearly_same(const std::string& a, const std::string& b) {
    auto x = folded(a), y = folded(b);
    if (x.size() > y.size()) std::swap(x, y);
    if (y.size() - x.size() > 1 || y.size() < 3) return x == y;
    const auto [at, other] = std::mismatch(x.begin(), x.end(), y.begin());
    const auto rest = [](auto from, auto end, std::ptrdiff_t skip) { return std::string(from + std::min(skip, end - from), end); };
    if (rest(at, x.end(), 0) == rest(other, y.end(), 1) || rest(at, x.end(), 1) == rest(other, y.end(), 1)) return true;
    return x.size() == y.size() && x.end() - at >= 2 && *at == *(other + 1) && *(at + 1) == *other && rest(at, x.end(), 2) == rest(other, y.end(), 2);
}

std::string similar_name(const AgentWait& wait, const Absence& absence) {
    for (const auto& [name, rooms] : absence.elsewhere)
        if (name != wait.agent && nearly_same(name, wait.agent)) return name;
    return {};
}

std::string in_words(const Absence& absence) {
    std::vector<std::string> people;
    for (const auto& one : absence.people) people.push_back(participant_line(one));
    auto out = fmt::format("seen: {}", people.empty() ? "nobody in the room" : fmt::format("{}", fmt::join(people, "; ")));
    if (absence.left > 0) out += fmt::format(", {} that came and left", absence.left);
    if (!absence.refusals.empty()) return out + fmt::format(", refused by the agent: {}", terminal_safe(fmt::format("{}", fmt::join(absence.refusals, ", "))));
    if (absence.jobs.empty()) return out + ", no job recorded by the server";
    for (const auto& job : absence.jobs) {
        out += fmt::format(", job {}", livekit::proto::JobStatus_Name(job.status()));
        if (!job.worker_id().empty()) out += fmt::format(" at worker {}", terminal_safe(job.worker_id()));
        if (!job.error().empty()) out += fmt::format(" ({})", terminal_safe(job.error()));
    }
    return out;
}

/// What to do about a reason that an agent of ours gives.
std::string remedy(const std::string& reason) {
    if (reason == "user limit") return "its user holds as many calls as limits.calls_per_user allows: end one, and dispatch anew";
    if (reason == "full") return "all places of the agent are taken: raise max_calls or processes, or run another. " + std::string(kAnew);
    if (reason == "overloaded") return "the agent's machine is above load_threshold. " + std::string(kAnew);
    if (reason == "draining") return "the agent is about to end. " + std::string(kAnew);
    return "look at the agent's log";
}

std::string hint(const AgentWait& wait, const Absence& absence) {
    if (absence.half_way) return "the agent is in the room, but its media does not connect: are the server's UDP and TCP media ports open towards the agent's machine?";
    if (absence.left > 0) return "it came and left again before it could be used: look at the agent's log";
    if (!absence.refusals.empty()) return remedy(absence.refusals.back());
    if (!absence.jobs.empty()) return "a worker took the job but did not join: look at the agent's log (it may have crashed, or not reach the server)";
    if (const auto similar = similar_name(wait, absence); !similar.empty())
        return fmt::format("an agent named '{}' serves other rooms here: is that the one? Names count to the letter. {}", terminal_safe(similar), kAnew);
    if (const auto busy = absence.elsewhere.find(wait.agent); busy != absence.elsewhere.end())
        return fmt::format("'{}' serves {} other room{} here, so it is there: it is full, above its load limit (0.7), draining, or of another deployment. {}", terminal_safe(wait.agent), busy->second, busy->second == 1 ? "" : "s", kAnew);
    return fmt::format("likely no worker with that exact name is registered at this server; else it is full, above its load limit, of another deployment, or answered the offer later than after 3 s. {}", kAnew);
}

}  // namespace

void look_around(Env& env, livekit::TwirpClient& twirp, const AgentWait& wait, Absence& absence) {
    if (const auto store = store::Store::open_existing(env.get("VOICECTL_STORE").value_or(store::default_path())))
        if (const auto refusals = (*store)->refusals(wait.dispatch_id))
            for (const auto& one : *refusals) absence.refusals.push_back(one.reason);
    if (const auto dispatches = livekit::DispatchApi(twirp).list(wait.room))
        for (const auto& one : *dispatches)
            if (one.id() == wait.dispatch_id)
                for (const auto& job : one.state().jobs()) absence.jobs.push_back(job.state());
    const auto rooms = livekit::RoomApi(twirp).list();
    if (!rooms) return;
    for (std::size_t i = 0; i < std::min(rooms->size(), kMostRooms); ++i) {
        if ((*rooms)[i].name() == wait.room) continue;
        const auto people = livekit::RoomApi(twirp).participants((*rooms)[i].name());
        if (!people) return;
        std::set<std::string> names;
        for (const auto& one : *people)
            if (livekit::is_agent(one) && !livekit::agent_name(one).empty()) names.insert(livekit::agent_name(one));
        for (const auto& name : names) ++absence.elsewhere[name];
    }
}

Error explain(const AgentWait& wait, const Absence& absence) {
    return {Errc::Timeout, fmt::format("no agent \"{}\" joined room \"{}\" within {}; {}", wait.agent, wait.room, format_duration(wait.limit), in_words(absence)),
            hint(wait, absence)};
}

}  // namespace voicectl::commands
