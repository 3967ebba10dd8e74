#include "commands/session/read.h"

#include "commands/session/view.h"
#include "commands/transcript/source.h"
#include "voicectl/agent/call_recordings.h"
#include "voicectl/agent/call_report.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/store/json.h"

namespace voicectl::commands {
namespace {

constexpr const char* kSessionListHelp = R"(Newest first. --since and --until compare the start and take a duration back from now (2h) or a time.

Examples:
  voicectl session list --user ann --since 7d
  voicectl session list --status active --json)";

constexpr const char* kSessionShowHelp = R"(With what its call used and cost, per provider, why the call ended, and its recordings as webhook events told of them.

Examples:
  voicectl session show lesson-7-ann
  voicectl session show lesson-7-ann --get /costs/totalUsd)";

Result<store::SessionFilter> session_filter(const SessionListOptions& options) {
    store::SessionFilter filter{.user_id = options.user, .status = options.status, .assignment_id = options.assignment};
    const auto now = std::chrono::system_clock::now();
    if (!options.since.empty()) {
        VC_TRY_ASSIGN(filter.since, parse_when(options.since, now));
    }
    if (!options.until.empty()) {
        VC_TRY_ASSIGN(filter.until, parse_when(options.until, now));
    }
    filter.limit = options.all ? 0 : options.limit + 1;  // one more tells whether the list was cut
    return filter;
}

/// What is known of the session's call; null fields where there is none.
Result<Json> with_call(const store::Session& session, store::Store& store) {
    auto json = store::to_json(session);
    for (const char* key : {"room", "durationMs", "reason", "costs"}) json[key] = nullptr;
    json["recordings"] = Json::array();
    if (!session.call_id) return json;
    VC_TRY_ASSIGN(const auto call, store.call(*session.call_id));
    VC_TRY_ASSIGN(const auto report, agent::read_call_report(store, call));
    json["room"] = call.room;
    json["durationMs"] = report["durationMs"];
    json["reason"] = call.reason;
    json["costs"] = report["costs"];
    if (json["usage"].is_null()) json["usage"] = report["usage"];
    VC_TRY_ASSIGN(const auto recordings, agent::call_recordings(store, call));
    for (const auto& one : recordings) json["recordings"].push_back(agent::recording_json(one));
    return json;
}

std::string people_text(const store::Session& session, const Json& json) {
    auto text = session_heading(session);
    for (const auto& one : json["recordings"])
        text += fmt::format("{:<10} {}, {}, {} bytes\n", "recording", terminal_safe(scalar_text(one["location"] == "" ? one["status"] : one["location"])),
                            format_duration(std::chrono::milliseconds(one["durationMs"].get<std::int64_t>())), one["size"].get<std::int64_t>());
    if (json["costs"].is_null()) return text;
    const auto& usage = json["usage"];
    const auto number = [&](const char* key) { return usage.value(key, std::int64_t{0}); };
    text += fmt::format("{:<10} {:.1f} s heard, {} tokens in, {} out, {} characters spoken\n", "usage",
                        static_cast<double>(number("audioMs")) / 1000, number("inputTokens"), number("outputTokens"), number("characters"));
    return text + fmt::format("{:<10} {} USD{}\n", "cost", json["costs"].value("totalUsd", ""),
                              json["costs"].value("unknownPrices", Json::array()).empty() ? "" : ", and what has no known price");
}

}  // namespace

void add_session_list(Command session, Env& env, Run<SessionListOptions> run) {
    auto options = std::make_shared<SessionListOptions>();
    auto command = session.add_subcommand("list", "List users' sessions");
    command.footer(kSessionListHelp);
    command.add_option("--user", options->user, "Only this user's").type_name("USER");
    command.add_option("--status", options->status, "active, completed or failed").one_of({"active", "completed", "failed"});
    command.add_option("--assignment", options->assignment, "Only those of this assignment").type_name("ID");
    command.add_option("--since", options->since, "Only what began since then").type_name("WHEN");
    command.add_option("--until", options->until, "Only what began before then").type_name("WHEN");
    command.add_option("--limit", options->limit, "At most so many").range(1, 1'000'000).capture_default();
    command.add_flag("--all", options->all, "Without a limit");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_session_list(const SessionListOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto filter, session_filter(options));
    VC_TRY_ASSIGN(auto store, store_to_read(options.store, env));
    std::vector<store::Session> sessions;
    if (store) {
        VC_TRY_ASSIGN(sessions, store->list_sessions(filter));
    }
    const bool cut = !options.all && sessions.size() > static_cast<std::size_t>(options.limit);
    if (cut) sessions.resize(static_cast<std::size_t>(options.limit));
    Json items = Json::array();
    for (const auto& one : sessions) items.push_back(store::to_json(one));
    VC_TRY(env.out.emit_list("sessions", items,
                             {column("ID", "id"), column("USER", "userId"), column("ASSIGNMENT", "assignmentId", true), column("CALL", "callId"),
                              column("STARTED", "startedAt"), column("COMPLETED", "completedAt"), column("STATUS", "status")},
                             "id"));
    if (cut) env.out.note(fmt::format("only the newest {}; --limit or --all shows more", options.limit));
    return {};
}

void add_session_show(Command session, Env& env, Run<SessionShowOptions> run) {
    auto options = std::make_shared<SessionShowOptions>();
    auto command = session.add_subcommand("show", "Show a session, what it used and cost");
    command.footer(kSessionShowHelp);
    command.add_option("session", options->id, "Id of the session").required().type_name("ID");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_session_show(const SessionShowOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto store, store::Store::open_existing(store_place(options.store, env).path));
    auto session = store->find_session(options.id);
    if (!session && session.error().code == Errc::NotFound) return fail_with_hint(Errc::NotFound, session.error().message, "voicectl session list");
    if (!session) return std::unexpected(std::move(session).error());
    VC_TRY_ASSIGN(const auto json, with_call(*session, *store));
    return env.out.emit(json, people_text(*session, json), session->id);
}

}  // namespace voicectl::commands
