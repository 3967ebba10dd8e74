#include "commands/egress/list.h"

#include <algorithm>
#include <set>

#include "commands/egress/view.h"
#include "commands/interrupt.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressInfo;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr const char* kListLong = R"(Newest first. The server keeps ended recordings for 24 hours. --watch shows the list again whenever something
changes (with -o jsonl: what changed), until it is interrupted.

Examples:
  voicectl egress list --active
  voicectl egress list --room demo --status failed --since 2h --json
  voicectl egress list --watch=5s -o jsonl)";

constexpr const char* kGetLong = R"(--watch shows it again whenever it changes, until it has ended.

Examples:
  voicectl egress get EG_4TnDfgPmZ9xQ
  voicectl egress get EG_4TnDfgPmZ9xQ --get /fileResults/0/location)";

constexpr const char* kWaitLong = R"(Several are watched together. Ends at once when one of them failed or was aborted: exit 3 with its error. One that
ended at a limit of its service is usable and counts as complete. Exit 8 when the time is over.

Examples:
  voicectl egress wait EG_4TnDfgPmZ9xQ
  voicectl egress wait EG_4TnDfgPmZ9xQ --for active --timeout 30s)";

Result<milliseconds> pace(const std::string& text) {
    if (text.empty()) return milliseconds(0);
    VC_TRY_ASSIGN(const auto time, parse_duration(text));
    if (time < milliseconds(100)) return fail(Errc::Usage, "--watch={} asks the server too often", text);
    return time;
}

// A duration back from now, or a point in time.
Result<std::int64_t> since_nanoseconds(const std::string& text, system_clock::time_point now) {
    const auto as_nanos = [](system_clock::time_point time) { return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count(); };
    if (const auto back = parse_duration(text)) return as_nanos(now - *back);
    if (const auto time = parse_time(text)) return as_nanos(*time);
    return fail_with_hint(Errc::Usage, fmt::format("--since '{}' is no time", terminal_safe(text)), "write it like 2h, or 2026-01-02T03:04:05Z");
}

Result<std::vector<EgressInfo>> fetch(const EgressListOptions& o, livekit::TwirpClient& twirp) {
    livekit::proto::ListEgressRequest request;
    request.set_room_name(o.room);
    request.set_active(o.active);
    VC_TRY_ASSIGN(auto items, livekit::EgressApi(twirp).list(request));
    return filter_egress(std::move(items), o, system_clock::now());
}

Json shown(const EgressListOptions& o, std::vector<EgressInfo> items, Env& env) {
    const auto total = items.size();
    if (!o.all && total > o.limit) {
        items.resize(o.limit);
        env.out.note(fmt::format("the {} newest of {} shown; --all shows all", o.limit, total));
    }
    Json out = Json::array();
    for (const auto& one : items) out.push_back(egress_json(one));
    return out;
}

// As the table prints it ("active") and as JSON does ("EGRESS_ACTIVE").
Result<std::set<livekit::proto::EgressStatus>> statuses_of(const std::vector<std::string>& names) {
    std::set<livekit::proto::EgressStatus> out;
    for (const auto& name : names) {
        auto upper = name;
        std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        livekit::proto::EgressStatus status{};
        if (!livekit::proto::EgressStatus_Parse(upper.starts_with("EGRESS_") ? upper : "EGRESS_" + upper, &status))
            return fail_with_hint(Errc::Usage, fmt::format("there is no status '{}'", terminal_safe(name)),
                                  "starting, active, ending, complete, failed, aborted or limit_reached");
        out.insert(status);
    }
    return out;
}

// As the server has it: what the clock makes of it (a duration) is no change.
std::string fingerprint(const EgressInfo& info) { return info.SerializeAsString(); }

Result<void> watch_list(const EgressListOptions& o, livekit::TwirpClient& twirp, Env& env, milliseconds every) {
    Interrupt interrupt;
    std::set<std::string> before;
    for (bool first = true; !env.out.reader_gone(); first = false) {
        VC_TRY_ASSIGN(auto items, fetch(o, twirp));
        std::set<std::string> now;
        for (const auto& one : items) now.insert(fingerprint(one));
        const bool changed = first || now != before;
        if (env.out.format == Format::Jsonl) std::erase_if(items, [&before](const EgressInfo& one) { return before.contains(fingerprint(one)); });
        before = std::move(now);
        if (changed && !first) env.out.note(fmt::format("\nat {}", format_time(system_clock::now())));
        if (changed) VC_TRY(env.out.emit_list("egress", shown(o, std::move(items), env), egress_columns(env.out.format), "egressId"));
        VC_TRY(interrupt.sleep_until(Clock::now() + every));
    }
    return {};
}

Result<void> watch_one(const std::string& id, livekit::TwirpClient& twirp, Env& env, milliseconds every) {
    Interrupt interrupt;
    livekit::EgressApi api(twirp);
    std::string before;
    while (!env.out.reader_gone()) {
        VC_TRY_ASSIGN(const auto info, api.get(id));
        if (auto now = fingerprint(info); now != before) {
            const auto json = egress_json(info);
            VC_TRY(env.out.emit(json, egress_text(json), id));
            before = std::move(now);
        }
        if (livekit::is_final(info.status())) return {};
        VC_TRY(interrupt.sleep_until(Clock::now() + every));
    }
    return {};
}

Result<void> emit_all(const std::vector<EgressInfo>& items, Env& env) {
    if (items.size() == 1) {
        const auto json = egress_json(items.front());
        return env.out.emit(json, egress_text(json), items.front().egress_id());
    }
    Json out = Json::array();
    for (const auto& one : items) out.push_back(egress_json(one));
    return env.out.emit_list("egress", out, egress_columns(env.out.format), "egressId");
}

}  // namespace

Result<std::vector<EgressInfo>> filter_egress(std::vector<EgressInfo> items, const EgressListOptions& o, system_clock::time_point now) {
    std::int64_t since = 0;
    VC_TRY_ASSIGN(const auto statuses, statuses_of(o.statuses));
    if (!o.since.empty()) {
        VC_TRY_ASSIGN(since, since_nanoseconds(o.since, now));
    }
    std::erase_if(items, [&](const EgressInfo& one) {
        if (one.egress_id().empty() || one.started_at() < since) return true;
        return !statuses.empty() && !statuses.contains(one.status());
    });
    sort_egress(items);
    return items;
}

void add_egress_list(Command egress, Env& env, Run<EgressListOptions> run) {
    auto o = std::make_shared<EgressListOptions>();
    auto cmd = egress.add_subcommand("list", "List recordings").footer(kListLong);
    cmd.add_option("--room", o->room, "Only of this room").type_name("ROOM");
    cmd.add_flag("--active", o->active, "Only those that have not ended");
    cmd.add_option("--status", o->statuses, "Only starting, active, ending, complete, failed, aborted or limit_reached (repeat)")
        .one_value()
        .type_name("STATUS");
    cmd.add_option("--since", o->since, "Only those started since: 2h, or a time").type_name("WHEN");
    cmd.add_option("--limit", o->limit, "At most so many").positive().capture_default();
    cmd.add_flag("--all", o->all, "No limit");
    cmd.add_flag("--watch{2s}", o->watch, "Look again this often (=2s)");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_list(const EgressListOptions& o, Env& env) {
    VC_TRY(filter_egress({}, o, system_clock::now()));
    VC_TRY_ASSIGN(const auto every, pace(o.watch));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    if (every.count() > 0) return watch_list(o, *twirp, env, every);
    VC_TRY_ASSIGN(auto items, fetch(o, *twirp));
    return env.out.emit_list("egress", shown(o, std::move(items), env), egress_columns(env.out.format), "egressId");
}

void add_egress_get(Command egress, Env& env, Run<EgressGetOptions> run) {
    auto o = std::make_shared<EgressGetOptions>();
    auto cmd = egress.add_subcommand("get", "Show a recording").alias("show").footer(kGetLong);
    cmd.add_option("ids", o->ids, "Recordings, EG_…").required();
    cmd.add_flag("--watch{2s}", o->watch, "Look again this often, until it has ended (=2s)");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_get(const EgressGetOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto every, pace(o.watch));
    if (every.count() > 0 && o.ids.size() > 1) return fail(Errc::Usage, "--watch looks at one recording; egress list --watch at many");
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    if (every.count() > 0) return watch_one(o.ids.front(), *twirp, env, every);
    livekit::EgressApi api(*twirp);
    std::vector<EgressInfo> items;
    for (const auto& id : o.ids) {
        VC_TRY_ASSIGN(items.emplace_back(), api.get(id));
    }
    return emit_all(items, env);
}

void add_egress_wait(Command egress, Env& env, Run<EgressWaitOptions> run) {
    auto o = std::make_shared<EgressWaitOptions>();
    auto cmd = egress.add_subcommand("wait", "Wait until a recording is active or complete").footer(kWaitLong);
    cmd.add_option("ids", o->ids, "Recordings, EG_…").required();
    cmd.add_option("--for", o->until, "active or complete").one_of({"active", "complete"}).capture_default();
    cmd.add_option("--timeout", o->timeout, "At most so long [active: 1m, complete: 1d]").type_name("TIME");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_wait(const EgressWaitOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto wait, parse_egress_wait(o.timeout.empty() ? o.until : o.until + "=" + o.timeout));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::EgressApi api(*twirp);
    VC_TRY_ASSIGN(const auto items, wait_for_all(env, api, o.ids, wait));
    return emit_all(items, env);
}

}  // namespace voicectl::commands
