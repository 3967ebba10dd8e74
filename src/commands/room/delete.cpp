#include "commands/room/delete.h"

#include <algorithm>

#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

using livekit::proto::Room;

constexpr const char* kLong = R"(Everyone in the rooms is disconnected. Rooms chosen by a filter and not by name need --yes; --dry-run shows
which they are. Exit 5 when none of the named rooms exists, 9 when only some could be deleted.

Examples:
  voicectl room delete demo-1 demo-2
  voicectl room delete --match '^test-' --empty-only --older-than 1h --yes
  voicectl room list -o name | voicectl room delete --stdin --ignore-missing)";

// The counts of ListRooms are up to 5 s old; who came since must not be thrown out.
Result<bool> has_people(livekit::TwirpClient& twirp, const std::string& room) {
    VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(room));
    return std::any_of(people.begin(), people.end(), [](const auto& one) {
        return !livekit::is_agent(one) && one.kind() != livekit::proto::ParticipantInfo::EGRESS;
    });
}

// By name: those, there or not. By filter: those that fit, of the named ones or of all.
Result<std::vector<std::string>> chosen(const RoomDeleteOptions& o, livekit::TwirpClient& twirp) {
    auto names = o.names;
    if (o.from_stdin)
        for (auto& name : lines_of_stdin()) names.push_back(std::move(name));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    // An empty list of names means every room to the server.
    if (names.empty() && (o.from_stdin || !o.filter.any())) return names;
    if (!o.filter.any()) return names;
    VC_TRY_ASSIGN(auto rooms, livekit::RoomApi(twirp).list(names));
    VC_TRY_ASSIGN(rooms, filter_rooms(std::move(rooms), o.filter, std::chrono::system_clock::now()));
    std::vector<std::string> fitting;
    for (const auto& room : rooms) {
        if (o.filter.empty) {
            VC_TRY_ASSIGN(const bool people, has_people(twirp, room.name()));
            if (people) continue;
        }
        fitting.push_back(room.name());
    }
    return fitting;
}

struct Tally {
    Json items = Json::array();
    std::size_t done = 0;
    std::vector<Error> failures;

    void add(const std::string& name, const Result<void>& outcome, bool missing_is_fine) {
        const bool gone = !outcome && outcome.error().code == Errc::NotFound && missing_is_fine;
        if (outcome || gone) ++done;
        else failures.push_back(outcome.error());
        items.push_back({{"name", name},
                         {"deleted", outcome.has_value()},
                         {"error", outcome || gone ? Json() : Json(to_string(outcome.error().code))},
                         {"message", outcome || gone ? std::string() : outcome.error().message}});
    }
};

Result<void> report(Env& env, const Tally& tally) {
    if (!tally.failures.empty() && tally.done == 0) {
        auto error = tally.failures.front();
        if (tally.failures.size() > 1) error.message += fmt::format(" (and {} more failed)", tally.failures.size() - 1);
        return std::unexpected(std::move(error));
    }
    const auto outcome = [](const Json& item) -> std::string {
        if (item["deleted"] == true) return "deleted";
        return item["error"].is_null() ? "was not there" : scalar_text(item["message"]);
    };
    VC_TRY(env.out.emit_list("rooms", tally.items, {column("NAME", "name"), {"OUTCOME", outcome}}, "name"));
    if (tally.failures.empty()) return {};
    return fail(Errc::Partial, "{} of {} rooms could not be deleted; first: {}", tally.failures.size(), tally.items.size(),
                tally.failures.front().message);
}

}  // namespace

void add_room_delete(Command room, Env& env, Run<RoomDeleteOptions> run) {
    auto o = std::make_shared<RoomDeleteOptions>();
    auto cmd = room.add_subcommand("delete", "Delete rooms and disconnect everyone in them").footer(kLong);
    cmd.add_option("names", o->names, "Rooms to delete").type_name("ROOM");
    cmd.add_flag("--stdin", o->from_stdin, "Also those named on standard input, one a line");
    cmd.add_option("--match", o->filter.match, "Rooms whose names hold this regular expression").type_name("RE");
    cmd.add_flag("--empty-only", o->filter.empty, "Only rooms without participants");
    cmd.add_option("--older-than", o->filter.older_than, "Only rooms made longer ago than this").type_name("TIME");
    cmd.add_flag("--ignore-missing", o->ignore_missing, "A room that is not there is no failure");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_delete(const RoomDeleteOptions& o, Env& env) {
    const bool named = !o.names.empty() || o.from_stdin;
    if (!named && !o.filter.any()) return fail_with_hint(Errc::Usage, "which rooms?", "name them, or choose them by --match, --empty-only or --older-than");
    if (std::find(o.names.begin(), o.names.end(), "") != o.names.end()) return fail(Errc::Usage, "a room name is empty");
    VC_TRY(filter_rooms({}, o.filter, std::chrono::system_clock::now()));
    if (!named) VC_TRY(env.may_ask("deleting rooms chosen by a filter"));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto names, chosen(o, *twirp));
    if (env.global.dry_run) {
        Json items = Json::array();
        for (const auto& name : names) items.push_back({{"name", name}});
        return env.out.emit_list("rooms", items, {column("WOULD DELETE", "name")}, "name");
    }
    if (!named && !names.empty()) VC_TRY(env.confirm(fmt::format("deleting {} rooms: {}", names.size(), fmt::join(names, ", "))));
    VC_TRY(env.change(fmt::format("delete {} room{}", names.size(), names.size() == 1 ? "" : "s")));
    Tally tally;
    for (const auto& name : names) {
        const auto outcome = livekit::RoomApi(*twirp).remove(name);
        if (!outcome && outcome.error().code != Errc::NotFound && outcome.error().code != Errc::Rejected && tally.done == 0)
            return outcome;  // no server, no key: the next one fares no better
        tally.add(name, outcome, o.ignore_missing);
    }
    return report(env, tally);
}

}  // namespace voicectl::commands
