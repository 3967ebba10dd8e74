#include "commands/room/delete.h"

#include <algorithm>

#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

using livekit::proto::Room;

constexpr const char* kRoomDeleteHelp = R"(Everyone in the rooms is disconnected. Rooms chosen by a filter and not by name need --yes; --dry-run shows
which they are. Named rooms that a filter leaves out are kept, and listed with the reason. Exit 5 when none of the
named rooms exists, 9 when only some could be deleted.

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

struct Choice {
    std::vector<std::string> names;                         // to delete
    std::vector<std::pair<std::string, std::string>> kept;  // named, but the filter leaves them out: why
    std::vector<std::string> absent;                        // named, but not there
};

std::vector<std::string> named_rooms(const RoomDeleteOptions& o) {
    auto names = o.names;
    if (o.from_stdin)
        for (auto& name : lines_of_stdin()) names.push_back(std::move(name));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

Result<std::string> why_kept(const RoomDeleteOptions& o, const RoomChooser& chooser, const Room& room, livekit::TwirpClient& twirp) {
    auto why = chooser.why_not(room, std::chrono::system_clock::now());
    if (!why.empty() || !o.filter.empty) return why;
    VC_TRY_ASSIGN(const bool people, has_people(twirp, room.name()));
    return people ? std::string("has participants") : std::string();
}

// By name: those, there or not. By filter: those that fit, of the named ones or of all. A dry run looks whether they
// are there.
Result<Choice> chosen(const RoomDeleteOptions& o, livekit::TwirpClient& twirp, bool dry_run) {
    Choice out;
    const auto names = named_rooms(o);
    const bool filtered = o.filter.any();
    // An empty list of names means every room to the server.
    if (names.empty() && (o.from_stdin || !filtered)) return out;
    if (!filtered && !dry_run) {
        out.names = names;
        return out;
    }
    VC_TRY_ASSIGN(const auto rooms, livekit::RoomApi(twirp).list(names));
    VC_TRY_ASSIGN(const auto chooser, RoomChooser::create(o.filter));
    for (const auto& room : rooms) {
        VC_TRY_ASSIGN(auto why, why_kept(o, chooser, room, twirp));
        if (why.empty()) out.names.push_back(room.name());
        else if (!names.empty()) out.kept.emplace_back(room.name(), std::move(why));
    }
    for (const auto& name : names)
        if (std::none_of(rooms.begin(), rooms.end(), [&](const Room& room) { return room.name() == name; })) out.absent.push_back(name);
    return out;
}

struct Tally {
    Json items = Json::array();
    std::size_t done = 0, kept = 0;
    std::vector<Error> failures;

    void add(const std::string& name, const Result<void>& outcome, bool missing_is_fine) {
        const bool gone = !outcome && outcome.error().code == Errc::NotFound && missing_is_fine;
        if (outcome || gone) ++done;
        else failures.push_back(outcome.error());
        items.push_back({{"name", name},
                         {"deleted", outcome.has_value()},
                         {"kept", nullptr},
                         {"error", outcome || gone ? Json() : Json(to_string(outcome.error().code))},
                         {"message", outcome || gone ? std::string() : outcome.error().message}});
    }
    void keep(const std::string& name, const std::string& why) {
        ++kept;
        items.push_back({{"name", name}, {"deleted", false}, {"kept", why}, {"error", nullptr}, {"message", ""}});
    }
};

std::unexpected<Error> absent(const std::string& name) {
    return fail_with_hint(Errc::NotFound, fmt::format("there is no room \"{}\"", name),
                          "voicectl room list shows the rooms there are; --ignore-missing lets that pass");
}

// All that can be told without deleting anything.
Tally told_before(const Choice& choice, bool missing_is_fine) {
    Tally tally;
    for (const auto& name : choice.absent) tally.add(name, absent(name), missing_is_fine);
    for (const auto& [name, why] : choice.kept) tally.keep(name, why);
    return tally;
}

Result<void> verdict(const Tally& tally) {
    if (tally.failures.empty()) return {};
    return fail(Errc::Partial, "{} of {} rooms could not be deleted; first: {}", tally.failures.size(), tally.items.size(),
                tally.failures.front().message);
}

std::optional<Error> all_failed(const Tally& tally) {
    if (tally.failures.empty() || tally.done + tally.kept != 0) return std::nullopt;
    auto error = tally.failures.front();
    if (tally.failures.size() > 1) error.message += fmt::format(" (and {} more failed)", tally.failures.size() - 1);
    return error;
}

void sort_by_name(Json& items) {
    std::sort(items.begin(), items.end(), [](const Json& a, const Json& b) { return a["name"] < b["name"]; });
}

std::string outcome(const Json& item) {
    if (!item["kept"].is_null()) return "kept: " + scalar_text(item["kept"]);
    if (!item["error"].is_null()) return scalar_text(item["message"]);
    if (item["deleted"] == true) return "deleted";
    return item.contains("wouldDelete") && item["wouldDelete"] == true ? "would be deleted" : "was not there";
}

const std::vector<Column>& deleted_columns() {
    static const std::vector<Column> all{column("NAME", "name"), {"OUTCOME", outcome}};
    return all;
}

Result<void> report(Env& env, Tally tally) {
    if (const auto error = all_failed(tally)) return std::unexpected(*error);
    sort_by_name(tally.items);
    VC_TRY(env.out.emit_list("rooms", shown_items(env.out, tally.items, "deleted"), deleted_columns(), "name"));
    return verdict(tally);
}

// Exit 5 and 9 as the deletion itself would have.
Result<void> dry_run(Env& env, const RoomDeleteOptions& o, const Choice& choice) {
    auto tally = told_before(choice, o.ignore_missing);
    if (choice.names.empty())
        if (const auto error = all_failed(tally)) return std::unexpected(*error);
    for (auto& item : tally.items) item["wouldDelete"] = false;
    for (const auto& name : choice.names)
        tally.items.push_back(
            {{"name", name}, {"deleted", false}, {"kept", nullptr}, {"error", nullptr}, {"message", ""}, {"wouldDelete", true}});
    sort_by_name(tally.items);
    VC_TRY(show_dry_runs(env, "rooms", shown_items(env.out, tally.items, "wouldDelete"), deleted_columns(), "name"));
    return verdict(tally);
}

}  // namespace

void add_room_delete(Command room, Env& env, Run<RoomDeleteOptions> run) {
    auto o = std::make_shared<RoomDeleteOptions>();
    auto cmd = room.add_subcommand("delete", "Delete rooms and disconnect everyone in them").footer(kRoomDeleteHelp);
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
    VC_TRY(RoomChooser::create(o.filter));
    if (!named) VC_TRY(env.may_ask("deleting rooms chosen by a filter"));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto choice, chosen(o, *twirp, env.global.dry_run));
    if (env.global.dry_run) return dry_run(env, o, choice);
    const auto& names = choice.names;
    if (!named && !names.empty()) VC_TRY(env.confirm(fmt::format("deleting {} rooms: {}", names.size(), fmt::join(names, ", "))));
    VC_TRY(env.change(fmt::format("delete {} room{}", names.size(), names.size() == 1 ? "" : "s")));
    auto tally = told_before(choice, o.ignore_missing);
    for (const auto& name : names) {
        const auto outcome = livekit::RoomApi(*twirp).remove(name);
        if (!outcome && outcome.error().code != Errc::NotFound && outcome.error().code != Errc::Rejected && tally.done == 0)
            return outcome;  // no server, no key: the next one fares no better
        tally.add(name, outcome, o.ignore_missing);
    }
    return report(env, std::move(tally));
}

}  // namespace voicectl::commands
