#include "commands/room/watch.h"

#include <poll.h>
#include <unistd.h>

#include "commands/room/live_room.h"
#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;

constexpr const char* kRoomWatchHelp = R"(Joins as a hidden observer: nobody in the room sees it, it publishes nothing. One JSON object per event on
standard output, or a line for people on a terminal and with -o table. Who is there already comes first, marked
`present`. An observer keeps the room alive while it watches; a room that is not there is exit 5, never made. Where
nobody has joined before, the room's end after we leave follows its departure timeout (20 s unless set otherwise) and no
longer its empty timeout; a warning says so.

--fields takes the fields of any event; one that an event lacks is left out, or empty with -o tsv.

Events: connected joined left track_published track_unpublished track_muted track_unmuted track_subscribed
track_unsubscribed speakers quality permissions data text bytes transcription attributes metadata name
room_metadata dtmf reconnecting reconnected closed. Audio is subscribed to only when speakers, quality or
track_subscribed are asked for (they are when --events is not given).

With --until it is exit 0 when the event came, 5 when the room ended before, 8 when the time ran out.

Examples:
  voicectl room watch demo
  voicectl room watch demo --events joined,left --for 10m
  voicectl room watch demo --until 'transcription=goodbye' --timeout 2m --events transcription
  voicectl room watch demo --until 'joined=^agent$' --timeout 30s)";

// A pipe whose reader went away is noticed by writing only; a quiet room may have nothing to write for hours.
bool reader_is_gone(const Env& env) {
    if (env.out.reader_gone()) return true;
    pollfd out{STDOUT_FILENO, 0, 0};
    return !env.out.results_are_terminal() && poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

bool needs_audio(const EventStream& stream) {
    return stream.wants("speakers") || stream.wants("quality") || stream.wants("track_subscribed") || stream.wants("track_unsubscribed");
}

std::unexpected<Error> not_met(const RoomWatchOptions& o, const std::string& why, Errc code) {
    return std::unexpected(Error{code, fmt::format("'{}' was not seen: {}", terminal_safe(o.events.until), why), {}});
}

Result<void> verdict(const RoomWatchOptions& o, const EventStream& stream, const Result<bool>& ended, milliseconds limit) {
    if (stream.met()) return {};
    if (!ended) {
        const auto& error = ended.error();
        if (error.code == Errc::NotFound) {
            if (!stream.waits()) return {};  // a room that ends is the natural end of watching it
            return not_met(o, error.message, Errc::NotFound);
        }
        return std::unexpected(error);
    }
    if (!*ended && stream.waits()) return not_met(o, fmt::format("{} have passed", format_duration(limit)), Errc::Timeout);
    return {};
}

Result<void> find_room(const std::string& name, milliseconds limit, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, twirp_within(env, limit));
    auto met = meet_room(*twirp, name);
    // The layer below recommends a --timeout, which here is about --until.
    if (!met && met.error().code == Errc::Timeout) met.error().hint = "is the server well? voicectl doctor looks at it";
    if (!met) return std::unexpected(std::move(met).error());
    if (!env.global.dry_run) warn_of_departure(env, *met);
    return {};
}

Result<void> show_plan(const std::string& room, const livekit::Claims& claims, Env& env) {
    const Json plan{{"room", room}, {"identity", claims.identity}, {"grants", livekit::to_json(claims)["video"]}};
    return show_dry_run(env, plan, fmt::format("would watch room {}, unseen", terminal_safe(room)), room);
}

}  // namespace

void add_room_watch(Command room, Env& env, Run<RoomWatchOptions> run) {
    auto o = std::make_shared<RoomWatchOptions>();
    o->events.only_watches = true;
    auto cmd = room.add_subcommand("watch", "Show what happens in a room as it happens").footer(kRoomWatchHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    add_event_flags(cmd, o->events);
    cmd.add_option("--for", o->duration, "Watch for this long").type_name("TIME");
    cmd.add_option("--timeout", o->limit, "How long --until may take [no limit]").type_name("TIME");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_watch(const RoomWatchOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto stream, EventStream::create(o.events, env));
    VC_TRY_ASSIGN(const auto duration, time_of("--for", o.duration));
    VC_TRY_ASSIGN(const auto timeout, time_of("--timeout", o.limit));
    if (timeout.count() != 0 && !stream.waits()) return fail_with_hint(Errc::Usage, "--timeout says how long --until may take", "watch for a time by --for");
    const auto limit = duration.count() == 0 ? timeout : timeout.count() == 0 ? duration : std::min(duration, timeout);
    const auto claims = observer_claims(o.name);
    VC_TRY(find_room(o.name, limit, env));
    if (env.global.dry_run) return show_plan(o.name, claims, env);
    VC_TRY_ASSIGN(const auto server, env.server());

    LiveOptions options;
    options.subscribe = needs_audio(stream) ? rtc::Subscribe::Audio : rtc::Subscribe::None;
    mint_into(options, server, claims);
    LiveRoom live;
    live.on_event = [&](const Json& event) {
        if (stream.met()) return;  // nothing after the event that was waited for
        if (auto shown = stream.emit(event); !shown) return live.end(std::move(shown));
        if (stream.met() || env.out.reader_gone()) live.end({});
    };
    VC_TRY(live.join(options));
    Timer gone(live.loop());
    gone.every(std::chrono::seconds(1), [&] {
        if (reader_is_gone(env)) live.end({});
    });
    const auto ended = live.run(limit.count() == 0 ? Deadline::never() : Deadline::in(limit));
    gone.cancel();
    live.leave();
    return verdict(o, stream, ended, limit);
}

}  // namespace voicectl::commands
