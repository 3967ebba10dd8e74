#include "commands/webhook/list.h"

#include "commands/transcript/source.h"
#include "commands/webhook/hook_view.h"
#include "voicectl/agent/call_recordings.h"
#include "voicectl/base/text.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::commands {
namespace {

constexpr const char* kWebhookListHelp = R"(Newest first. --since and --until compare when an event was received and take a duration back from now (2h) or a
time (2026-01-02T03:04:05Z). --recordings lists what egress events told of, --deliveries each attempt to hand an event
over: to us, and from us to the targets of --forward.

Examples:
  voicectl webhook list --room demo
  voicectl webhook list --event egress_ended --since 1d -o jsonl
  voicectl webhook list --recordings --get '/recordings/*/location'
  voicectl webhook list --deliveries --room demo)";

constexpr const char* kWebhookShowHelp = R"(An event by its id (EV_…), with its deliveries; or the state of a call that follows from its events, by the room's
name (the latest call) or sid (RM_…), with the gaps in its events. --body writes the exact bytes of an event.

Examples:
  voicectl webhook show EV_dDUsCgtDJhrY
  voicectl webhook show demo --get /metadata/egress_id
  voicectl webhook show EV_dDUsCgtDJhrY --body | sha256sum)";

const std::vector<Column>& event_columns() {
    static const std::vector<Column> kColumns{column("RECEIVED", "receivedAt"), column("EVENT", "event"), column("ROOM", "room"), column("ID", "id"),
                                              column("SID", "roomSid", true), column("KEY", "key", true)};
    return kColumns;
}

Result<std::unique_ptr<store::Store>> hook_store(const std::string& flag, Env& env) { return store::Store::open_existing(store_place(flag, env).path); }

Result<store::EventFilter> filter_of(const WebhookListOptions& options) {
    store::EventFilter out;
    out.events = options.events;
    out.room = options.room;
    const auto now = std::chrono::system_clock::now();
    if (!options.since.empty()) {
        VC_TRY_ASSIGN(out.since, parse_when(options.since, now));
    }
    if (!options.until.empty()) {
        VC_TRY_ASSIGN(out.until, parse_when(options.until, now));
    }
    out.limit = options.all ? 0 : options.limit + 1;
    return out;
}

// As they come out of the store: a month of events needs no more memory than one.
Result<void> stream_events(store::Webhooks& hooks, store::EventFilter filter, Env& env) {
    Result<void> written;
    VC_TRY(hooks.events(filter, [&](const store::WebhookEvent& event) {
        written = env.out.emit_raw(hook_text(env.out, false, hook_json(event)));
        return written.has_value() && !env.out.reader_gone();
    }));
    return written;
}

Result<void> list_events(store::Webhooks& hooks, const WebhookListOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto filter, filter_of(options));
    if (env.out.format == Format::Jsonl && env.out.get.empty()) {
        filter.limit = options.all ? 0 : options.limit;
        return stream_events(hooks, filter, env);
    }
    Json items = Json::array();
    VC_TRY(hooks.events(filter, [&](const store::WebhookEvent& event) {
        items.push_back(hook_json(event));
        return true;
    }));
    const bool cut = !options.all && items.size() > static_cast<std::size_t>(options.limit);
    if (cut) items.erase(items.size() - 1);
    VC_TRY(env.out.emit_list("events", items, event_columns(), "id"));
    if (cut) env.out.note(fmt::format("only the newest {}; --limit or --all shows more", options.limit));
    return {};
}

Result<void> list_recordings(store::Webhooks& hooks, const WebhookListOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto found, hooks.recordings(options.room, options.all ? 0 : options.limit));
    Json items = Json::array();
    for (const auto& one : found) items.push_back(agent::recording_json(one));
    return env.out.emit_list("recordings", items,
                             {column("EGRESS", "egressId"), column("ROOM", "room"), column("STATUS", "status"), column("STARTED", "startedAt"),
                              column("MS", "durationMs"), column("BYTES", "size"), column("LOCATION", "location"), column("ERROR", "error", true)},
                             "egressId");
}

Result<void> list_deliveries(store::Webhooks& hooks, const WebhookListOptions& options, Env& env) {
    store::DeliveryFilter filter;
    filter.room = options.room;
    filter.limit = options.all ? 0 : options.limit;
    VC_TRY_ASSIGN(const auto found, hooks.deliveries(filter));
    Json items = Json::array();
    for (const auto& one : found) items.push_back(delivery_json(one));
    return env.out.emit_list("deliveries", items,
                             {column("AT", "at"), column("EVENT", "event"), column("ROOM", "room"), column("OUTCOME", "outcome"), column("STATUS", "status"),
                              column("TRY", "attempt"), column("TARGET", "target"), column("ID", "eventId", true), column("REASON", "reason", true)},
                             "eventId");
}

Result<void> show_event(store::Webhooks& hooks, const store::WebhookEvent& event, const WebhookShowOptions& options, Env& env) {
    if (options.body) return env.out.emit_raw(event.body);
    auto json = hook_json(event);
    VC_TRY_ASSIGN(const auto deliveries, hooks.deliveries({.event_id = event.id, .limit = 100}));
    json["deliveries"] = Json::array();
    for (const auto& one : deliveries) json["deliveries"].push_back(delivery_json(one));
    auto text = fmt::format("{}  {}  {}\n", event.id, hook_line(hook_json(event)), json["payload"].dump(2, ' ', false, Json::error_handler_t::replace));
    for (const auto& one : deliveries)
        text += fmt::format("{}  {}{} {}{}\n", format_time(one.at), one.target.empty() ? "" : one.target + " ", one.outcome, one.status, one.reason.empty() ? "" : ": " + one.reason);
    text.pop_back();
    return env.out.emit(json, text, event.id);
}

std::string call_text(const Json& call) {
    auto text = fmt::format("room {} ({}), {}\nstarted {}, finished {}\nmetadata {}", terminal_safe(scalar_text(call.value("name", Json("")))), scalar_text(call.value("sid", Json(""))),
                            scalar_text(call["status"]), scalar_text(call["startedAt"]), scalar_text(call["finishedAt"]), terminal_safe(call["metadata"].dump(-1, ' ', false, Json::error_handler_t::replace)));
    for (const auto& one : call["participants"])
        text += fmt::format("\n{} {} {}", terminal_safe(one.value("identity", "")), one.value("state", ""), one.value("reason", ""));
    for (const auto& one : call["recordings"])
        text += fmt::format("\n{} {} {} ms, {} bytes, {}", one.value("egressId", ""), one.value("status", ""), one.value("durationMs", 0), one.value("size", 0), terminal_safe(one.value("location", "")));
    for (const auto& one : call["gaps"]) text += fmt::format("\nmissing: {}", one.value("missing", ""));
    return text;
}

}  // namespace

void add_webhook_list(Command webhook, Env& env, Run<WebhookListOptions> run) {
    auto o = std::make_shared<WebhookListOptions>();
    auto cmd = webhook.add_subcommand("list", "List stored webhook events, recordings, deliveries").footer(kWebhookListHelp);
    cmd.add_option("--event", o->events, "Only these, comma separated").delimiter(',').type_name("EVENT");
    cmd.add_option("--room", o->room, "Only of this room, by name or sid").type_name("ROOM");
    cmd.add_option("--since", o->since, "Only what was received since then").type_name("WHEN");
    cmd.add_option("--until", o->until, "Only what was received before then").type_name("WHEN");
    const auto recordings = cmd.add_flag("--recordings", o->recordings, "Recordings in place of events");
    cmd.add_flag("--deliveries", o->deliveries, "Attempts to hand over in place of events").excludes(recordings);
    cmd.add_option("--limit", o->limit, "At most so many").range(1, 1'000'000).capture_default();
    cmd.add_flag("--all", o->all, "Without a limit");
    add_store_choice(cmd, o->store);
    on_run(cmd, std::move(o), env, std::move(run));
}

Result<void> run_webhook_list(const WebhookListOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto store, hook_store(options.store, env));
    if (options.recordings) return list_recordings(store->webhooks(), options, env);
    if (options.deliveries) return list_deliveries(store->webhooks(), options, env);
    return list_events(store->webhooks(), options, env);
}

void add_webhook_show(Command webhook, Env& env, Run<WebhookShowOptions> run) {
    auto o = std::make_shared<WebhookShowOptions>();
    auto cmd = webhook.add_subcommand("show", "Show an event, or a call as its events tell of it").footer(kWebhookShowHelp);
    cmd.add_option("id", o->id, "Event id, room name or room sid").required().type_name("ID|ROOM");
    cmd.add_flag("--body", o->body, "The exact bytes of the event's body alone");
    add_store_choice(cmd, o->store);
    on_run(cmd, std::move(o), env, std::move(run));
}

Result<void> run_webhook_show(const WebhookShowOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto store, hook_store(options.store, env));
    auto& hooks = store->webhooks();
    const auto event = hooks.event(options.id);
    if (event) return show_event(hooks, *event, options, env);
    if (event.error().code != Errc::NotFound || options.body) return std::unexpected(event.error());
    const auto state = hooks.call_state(options.id);
    if (!state && state.error().code == Errc::NotFound)
        return fail_with_hint(Errc::NotFound, fmt::format("no event and no room {}", terminal_safe(options.id)), "voicectl webhook list shows what there is");
    if (!state) return std::unexpected(state.error());
    const auto call = Json::parse(*state, nullptr, false);
    return env.out.emit(call, call_text(call), options.id);
}

}  // namespace voicectl::commands
