#include "commands/room/list.h"

#include <algorithm>

#include "commands/interrupt.h"
#include "commands/room/view.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::Room;
using std::chrono::system_clock;

constexpr const char* kRoomListHelp = R"(A room that is named but absent is exit 5. Participant counts are the server's, which refreshes them every 5 s
and counts no agents. AGE is in seconds with -o tsv. --watch looks again and again: a terminal is redrawn, a pipe gets one JSON object per look.

Examples:
  voicectl room list --match '^demo-' --older-than 1h
  voicectl room list --json --get '/rooms/*/name'
  voicectl room list --watch=5s)";

Result<void> check_all_there(const std::vector<std::string>& names, const std::vector<Room>& rooms) {
    std::vector<std::string> absent;
    for (const auto& name : names)
        if (std::none_of(rooms.begin(), rooms.end(), [&](const Room& room) { return room.name() == name; })) absent.push_back(name);
    if (absent.empty()) return {};
    return fail_with_hint(Errc::NotFound, fmt::format("there is no room {}", fmt::join(absent, ", ")), "voicectl room list shows the rooms there are");
}

void sort_rooms(std::vector<Room>& rooms, const std::string& by) {
    const auto order = [&by](const Room& a, const Room& b) {
        if (by == "age" && a.creation_time_ms() != b.creation_time_ms()) return a.creation_time_ms() < b.creation_time_ms();
        if (by == "participants" && a.num_participants() != b.num_participants()) return a.num_participants() > b.num_participants();
        return a.name() < b.name();
    };
    std::sort(rooms.begin(), rooms.end(), order);
}

// `raw`: for programs, in seconds.
std::vector<Column> columns(system_clock::time_point now, bool raw) {
    const auto age = [now, raw](const Json& item) {
        using std::chrono::milliseconds;
        const auto since = std::chrono::duration_cast<milliseconds>(now - from_milliseconds(item["creationTimeMs"].get<std::int64_t>()));
        const auto old = std::max(milliseconds(0), since);
        return raw ? std::to_string(old / std::chrono::seconds(1)) : format_duration(old);
    };
    return {column("NAME", "name"),
            column("PARTICIPANTS", "numParticipants"),
            column("PUBLISHERS", "numPublishers"),
            {"AGE", age},
            column("SID", "sid", true),
            column("RECORDING", "activeRecording", true),
            column("METADATA", "metadata", true)};
}

}  // namespace

void add_room_list(Command room, Env& env, Run<RoomListOptions> run) {
    auto o = std::make_shared<RoomListOptions>();
    auto cmd = room.add_subcommand("list", "List rooms").footer(kRoomListHelp);
    cmd.add_option("names", o->names, "Only these rooms").type_name("ROOM");
    cmd.add_option("--match", o->filter.match, "Names that hold this regular expression").type_name("RE");
    cmd.add_flag("--empty", o->filter.empty, "Rooms without participants");
    cmd.add_option("--min-participants", o->filter.min_participants, "Rooms with at least so many");
    cmd.add_option("--older-than", o->filter.older_than, "Rooms made longer ago than this").type_name("TIME");
    cmd.add_option("--sort", o->sort, "name, age or participants").one_of({"name", "age", "participants"}).capture_default();
    auto limit = cmd.add_option("--limit", o->limit, "At most so many").positive().capture_default();
    cmd.add_flag("--all", o->all, "No limit").excludes(limit);
    cmd.add_flag("--watch{2s}", o->watch, "Look again every so often (=2s), until Ctrl-C");
    on_run(cmd, o, env, std::move(run));
}

Result<RoomChooser> RoomChooser::create(const RoomFilter& filter) {
    RoomChooser out(filter);
    if (!filter.older_than.empty()) {
        VC_TRY_ASSIGN(out.age_, parse_duration(filter.older_than));
    }
    if (!filter.match.empty()) {
        VC_TRY_ASSIGN(out.pattern_, Pattern::create("--match", filter.match));
    }
    return out;
}

std::string RoomChooser::why_not(const Room& room, system_clock::time_point now) const {
    if (pattern_ && !pattern_->found_in(room.name())) return fmt::format("does not match {}", filter_.match);
    if (const auto age = room_age(room, now); age <= age_) return fmt::format("is {} old", format_duration(age));
    const auto people = room.num_participants();
    const bool fits = !(filter_.empty && people > 0) && people >= filter_.min_participants;
    return fits ? std::string() : fmt::format("has {} participant{}", people, people == 1 ? "" : "s");
}

Result<std::vector<Room>> filter_rooms(std::vector<Room> rooms, const RoomFilter& filter, system_clock::time_point now) {
    VC_TRY_ASSIGN(const auto chooser, RoomChooser::create(filter));
    std::erase_if(rooms, [&](const Room& room) { return !chooser.why_not(room, now).empty(); });
    return rooms;
}

namespace {

Result<void> check_filter(const RoomListOptions& o) {
    if (std::find(o.names.begin(), o.names.end(), "") != o.names.end())
        return fail_with_hint(Errc::Usage, "a room name is empty", "is its variable set? Without any name all rooms are listed");
    if (o.filter.empty && o.filter.min_participants > 0) return fail(Errc::Usage, "--empty and --min-participants fit no room together");
    VC_TRY(RoomChooser::create(o.filter));
    return {};
}

Result<Json> look(const RoomListOptions& o, Env& env, livekit::TwirpClient& twirp) {
    VC_TRY_ASSIGN(auto rooms, livekit::RoomApi(twirp).list(o.names));
    VC_TRY(check_all_there(o.names, rooms));
    VC_TRY_ASSIGN(rooms, filter_rooms(std::move(rooms), o.filter, system_clock::now()));
    sort_rooms(rooms, o.sort);
    const auto total = rooms.size();
    if (!o.all && total > o.limit) {
        rooms.resize(o.limit);
        env.out.note(fmt::format("{} of {} rooms shown; --all shows all", o.limit, total));
    }
    Json items = Json::array();
    for (const auto& room : rooms) items.push_back(room_json(room));
    return items;
}

Result<void> show(const Json& items, Env& env) { return env.out.emit_list("rooms", items, columns(system_clock::now(), env.out.format == Format::Tsv), "name"); }

Result<void> show_look(const Json& items, Env& env) {
    if (!env.out.results_are_terminal()) {
        const Json snapshot{{"time", format_time(system_clock::now())}, {"rooms", items}};
        return env.out.emit_raw(json_text(snapshot) + "\n");
    }
    VC_TRY(env.out.emit_raw("\x1b[H\x1b[J"));  // home, and clear from there
    return show(items, env);
}

Result<void> watch(const RoomListOptions& o, Env& env, livekit::TwirpClient& twirp, std::chrono::milliseconds pace) {
    Interrupt interrupt;
    for (auto next = Clock::now() + pace; true; next += pace) {
        VC_TRY_ASSIGN(const auto items, look(o, env, twirp));
        VC_TRY(show_look(items, env));
        if (env.out.reader_gone()) return {};
        VC_TRY(interrupt.sleep_until(next));
    }
}

}  // namespace

Result<void> run_room_list(const RoomListOptions& o, Env& env) {
    VC_TRY(check_filter(o));
    std::chrono::milliseconds pace{0};
    if (!o.watch.empty()) {
        VC_TRY_ASSIGN(pace, parse_duration(o.watch));
        if (pace < std::chrono::milliseconds(100)) return fail(Errc::Usage, "--watch={} is too often", o.watch);
    }
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    if (pace.count() > 0) return watch(o, env, *twirp, pace);
    VC_TRY_ASSIGN(const auto items, look(o, env, *twirp));
    return show(items, env);
}

}  // namespace voicectl::commands
