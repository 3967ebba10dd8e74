#include "commands/room/list.h"

#include <algorithm>
#include <regex>

#include "commands/interrupt.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::Room;
using std::chrono::system_clock;

constexpr const char* kLong = R"(A room that is named but absent is exit 5. Participant counts are the server's, which refreshes them every 5 s
and counts no agents. --watch looks again and again: a terminal is redrawn, a pipe gets one JSON object per look.

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

std::vector<Column> columns(system_clock::time_point now) {
    const auto age = [now](const Json& item) {
        const auto since = now - from_milliseconds(item["creationTimeMs"].get<std::int64_t>());
        return format_duration(std::max(std::chrono::milliseconds(0), std::chrono::duration_cast<std::chrono::milliseconds>(since)));
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
    auto cmd = room.add_subcommand("list", "List rooms").footer(kLong);
    cmd.add_option("names", o->names, "Only these rooms").type_name("ROOM");
    cmd.add_option("--match", o->filter.match, "Names that hold this regular expression").type_name("RE");
    cmd.add_flag("--empty", o->filter.empty, "Rooms without participants");
    cmd.add_option("--min-participants", o->filter.min_participants, "Rooms with at least so many");
    cmd.add_option("--older-than", o->filter.older_than, "Rooms made longer ago than this").type_name("TIME");
    cmd.add_option("--sort", o->sort, "name, age or participants").one_of({"name", "age", "participants"}).capture_default();
    cmd.add_option("--limit", o->limit, "At most so many").positive().capture_default();
    cmd.add_flag("--all", o->all, "No limit");
    cmd.add_flag("--watch{2s}", o->watch, "Look again every so often (=2s), until Ctrl-C");
    on_run(cmd, o, env, std::move(run));
}

Result<std::vector<Room>> filter_rooms(std::vector<Room> rooms, const RoomFilter& filter, system_clock::time_point now) {
    std::chrono::milliseconds age{-1};
    if (!filter.older_than.empty()) {
        VC_TRY_ASSIGN(age, parse_duration(filter.older_than));
    }
    std::regex pattern;
    try {
        pattern = std::regex(filter.match, std::regex::ECMAScript);
    } catch (const std::regex_error&) {
        return fail(Errc::Usage, "--match '{}' is no regular expression", terminal_safe(filter.match));
    }
    std::erase_if(rooms, [&](const Room& room) {
        if (filter.empty && room.num_participants() > 0) return true;
        if (room.num_participants() < filter.min_participants) return true;
        if (room_age(room, now) <= age) return true;
        return !filter.match.empty() && !std::regex_search(room.name(), pattern);
    });
    return rooms;
}

namespace {

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

Result<void> show(const Json& items, Env& env) { return env.out.emit_list("rooms", items, columns(system_clock::now()), "name"); }

Result<void> show_look(const Json& items, Env& env) {
    if (!env.out.results_are_terminal()) {
        const Json snapshot{{"time", format_time(system_clock::now())}, {"rooms", items}};
        return env.out.emit_raw(snapshot.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
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
    VC_TRY(filter_rooms({}, o.filter, system_clock::now()));
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
