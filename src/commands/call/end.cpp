#include "commands/call/end.h"

#include <algorithm>
#include <set>

#include "commands/call/recording.h"
#include "commands/dispatch/view.h"
#include "commands/room/outcome.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kCallEndHelp = R"(Stops the recordings of the rooms first, so that they end with what was said and not with a cut, calls the
agents back, deletes the rooms. What a part of it refuses does not hold up the rest; it is reported. Exit 5
when none of the rooms exists, 9 when something could not be ended.

Examples:
  voicectl call end demo
  voicectl call end --stdin --json)";

// The server asks the egress service, and says after 3 s that there is none.
constexpr std::chrono::seconds kStopTime{10};

Json error_json(const Error& error) { return {{"code", to_string(error.code)}, {"message", error.message}}; }

/// One call, taken apart. Every part is tried whatever became of the one before.
class Ending {
 public:
    Ending(Env& env, livekit::Server server, std::string room)
        : twirp_(env.new_twirp(server, limit(env))), stopper_(env.new_twirp(std::move(server), kStopTime)), room_(std::move(room)) {}

    /// The call that was made last, for JSON errors.
    const std::optional<livekit::CallTrace>& last_call() const { return twirp_.last(); }

    Result<Json> run() {
        VC_TRY(livekit::RoomApi(twirp_).get(room_));
        stop_recordings();
        delete_dispatches();
        const auto deleted = livekit::RoomApi(twirp_).remove(room_);
        const bool gone = deleted || deleted.error().code == Errc::NotFound;  // it ended by itself meanwhile
        if (!gone) failed("room", room_, deleted.error());
        return Json{{"room", room_}, {"ended", gone}, {"recordings", recordings_}, {"dispatches", dispatches_}, {"errors", errors_}};
    }

 private:
    static std::chrono::milliseconds limit(const Env& env) { return env.timeout().value_or(std::chrono::seconds{30}); }

    void stop_recordings() {
        const auto running = active_recordings(twirp_, room_);
        if (!running) return failed("recordings", room_, running.error());
        for (const auto& one : *running) {
            const auto stopped = livekit::EgressApi(stopper_).stop(one.egress_id());
            // 412: it has ended since it was listed.
            const bool over = stopped || stopped.error().code == Errc::Conflict;
            recordings_.push_back({{"egressId", one.egress_id()}, {"stopped", over}});
            if (!over) failed("recording", one.egress_id(), stopped.error());
        }
    }

    void delete_dispatches() {
        const auto there = livekit::DispatchApi(twirp_).list(room_);
        if (!there) return failed("dispatches", room_, there.error());
        const auto people = livekit::RoomApi(twirp_).participants(room_);
        for (const auto& one : *there) {
            if (one.agent_name().empty()) continue;  // the automatic one, which is the server's own
            const auto agents = people ? dispatch_json(one, *people, *there)["agents"] : Json::array();
            const auto done = livekit::DispatchApi(twirp_).remove(room_, one.id());
            const bool gone = done || done.error().code == Errc::NotFound;
            dispatches_.push_back({{"id", one.id()}, {"agentName", one.agent_name()}, {"deleted", gone}, {"agents", agents}});
            if (!gone) failed("dispatch", one.id(), done.error());
        }
    }

    void failed(const char* what, const std::string& which, const Error& error) {
        auto one = error_json(error);
        one["what"] = what;
        one["id"] = which;
        errors_.push_back(std::move(one));
    }

    livekit::TwirpClient twirp_, stopper_;
    std::string room_;
    Json recordings_ = Json::array(), dispatches_ = Json::array(), errors_ = Json::array();
};

// Two dispatches of one name may both claim an agent where the server records no jobs.
std::size_t agents_called_back(const Json& item) {
    std::set<std::string> agents;
    for (const auto& one : item["dispatches"])
        for (const auto& agent : one["agents"]) agents.insert(scalar_text(agent));
    return agents.size();
}

std::string counted(std::size_t count, const char* one, const char* many) { return fmt::format("{} {}", count, count == 1 ? one : many); }

std::string outcome(const Json& item) {
    if (item["ended"] == true && item["errors"].empty())
        return fmt::format("ended; {} stopped, {} called back, {} deleted", counted(item["recordings"].size(), "recording", "recordings"),
                           counted(agents_called_back(item), "agent", "agents"), counted(item["dispatches"].size(), "dispatch", "dispatches"));
    std::string out = item["ended"] == true ? "ended, but" : "not ended:";
    for (const auto& one : item["errors"]) out += fmt::format(" {} {}: {}", scalar_text(one["what"]), scalar_text(one["id"]), scalar_text(one["message"]));
    return out;
}

std::string first_fault(const Json& items) {
    for (const auto& item : items)
        for (const auto& one : item["errors"]) return fmt::format("{} {}: {}", scalar_text(one["what"]), scalar_text(one["id"]), scalar_text(one["message"]));
    return {};
}

Result<void> report(Env& env, const Json& items, const std::vector<Error>& failures) {
    const auto flawed = static_cast<std::size_t>(std::count_if(items.begin(), items.end(), [](const Json& one) { return !one["errors"].empty(); }));
    if (failures.size() == items.size()) return std::unexpected(failures.front());
    VC_TRY(env.out.emit_list("calls", shown_items(env.out, items, "ended"), {column("ROOM", "room"), {"OUTCOME", outcome}}, "room"));
    if (flawed == 0) return {};
    return fail_with_hint(Errc::Partial, fmt::format("{} of {} calls could not be ended as a whole; first: {}", flawed, items.size(), first_fault(items)),
                          "--json has every fault; voicectl call end may be run again for what is left");
}

Result<void> dry_run(const std::vector<std::string>& rooms, Env& env) {
    if (rooms.empty()) return show_dry_runs(env, "calls", Json::array(), {column("WOULD END", "room")}, "room");
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    Json items = Json::array();
    std::vector<Error> absent;
    for (const auto& name : rooms) {
        const auto there = livekit::RoomApi(*twirp).get(name);
        if (there) items.push_back({{"room", name}});
        else if (there.error().code == Errc::NotFound) absent.push_back(there.error());
        else return std::unexpected(there.error());
    }
    if (items.empty()) return std::unexpected(absent.front());
    VC_TRY(show_dry_runs(env, "calls", std::move(items), {column("WOULD END", "room")}, "room"));
    if (absent.empty()) return {};
    return fail(Errc::Partial, "{} of {} calls are not there; first: {}", absent.size(), rooms.size(), absent.front().message);
}

}  // namespace

void add_call_end(Command call, Env& env, Run<CallEndOptions> run) {
    auto o = std::make_shared<CallEndOptions>();
    auto cmd = call.add_subcommand("end", "Stop recordings, call agents back, delete the room").footer(kCallEndHelp);
    cmd.add_option("rooms", o->rooms, "Rooms of the calls").type_name("ROOM");
    cmd.add_flag("--stdin", o->from_stdin, "Also those named on standard input, one a line");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_call_end(const CallEndOptions& o, Env& env) {
    auto rooms = o.rooms;
    if (o.from_stdin)
        for (auto& name : lines_of_stdin()) rooms.push_back(std::move(name));
    if (rooms.empty() && !o.from_stdin) return fail_with_hint(Errc::Usage, "which calls?", "name their rooms, or say --stdin");
    std::sort(rooms.begin(), rooms.end());
    rooms.erase(std::unique(rooms.begin(), rooms.end()), rooms.end());
    if (!rooms.empty() && rooms.front().empty()) return fail(Errc::Usage, "a room name is empty");
    if (env.global.dry_run) return dry_run(rooms, env);
    VC_TRY(env.change(fmt::format("end {} call{}", rooms.size(), rooms.size() == 1 ? "" : "s")));
    VC_TRY_ASSIGN(const auto server, env.server());
    Json items = Json::array();
    std::vector<Error> failures;
    for (const auto& room : rooms) {
        Ending ending(env, server, room);
        auto ended = ending.run();
        if (ending.last_call()) tell_call(env, *ending.last_call());
        if (ended) {
            items.push_back(std::move(*ended));
            continue;
        }
        const auto& error = ended.error();
        if (error.code != Errc::NotFound && items.empty()) return std::unexpected(error);  // no server, no key: the next one fares no better
        failures.push_back(error);
        Json fault = error_json(error);
        fault["what"] = "room";
        fault["id"] = room;
        items.push_back({{"room", room}, {"ended", false}, {"recordings", Json::array()}, {"dispatches", Json::array()}, {"errors", Json::array({fault})}});
    }
    if (items.empty()) return env.out.emit_list("calls", items, {column("ROOM", "room")}, "room");
    return report(env, items, failures);
}

}  // namespace voicectl::commands
