#include "commands/transcript/import.h"

#include <algorithm>

#include "commands/interrupt.h"
#include "commands/room/outcome.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"
#include "voicectl/transcript/import.h"
#include "voicectl/transcript/save.h"

namespace voicectl::commands {
namespace {

using transcript::Imported;

constexpr const char* kTranscriptImportHelp = R"(Reads a session report of livekit-agents (SessionReport.to_dict()) or its
chat history alone, voicectl's own json and jsonl, and WebVTT; what it is, the text itself tells. - is standard input.
The same file twice is one entry: a transcript is known by room and job, and one without a job by what it says. Under a
job that is stored with other words nothing is overwritten without --replace.

The room is the file's, or --room. The attempt is the file's when it is free, else the room's next one, or --attempt.
WebVTT knows no roles: speakers named agent, assistant or bot are the agent, or whoever --agent-speaker names; and no
date: --started says when the call began (now, without it). What was not understood is told.

Examples:
  voicectl transcript import session_report.json
  voicectl transcript import talk.vtt --room demo --agent-speaker Bot --started 2026-01-02T03:04:05Z
  voicectl transcript export --all --format json | voicectl transcript import - --store copy.db
  voicectl transcript import calls.jsonl --dry-run)";

constexpr std::size_t kMostBytes = 512 * 1024 * 1024;

struct Plan {
    Imported imported;
    store::Call call;  // as it will be saved
    const char* outcome = "created";
};

Result<std::string> read_input(const std::string& file) {
    if (file == "-") return read_bytes("-");
    return read_given_file(file, kMostBytes);
}

Result<transcript::ImportResult> parse_input(const TranscriptImportOptions& options, const std::string& text) {
    transcript::ImportHints hints{options.room, options.agent_speaker, {}};
    if (!options.started.empty()) {
        VC_TRY_ASSIGN(hints.started_at, parse_when(options.started, std::chrono::system_clock::now()));
    }
    auto parsed = transcript::parse_transcript(text, hints);
    if (!parsed) return std::unexpected(std::move(parsed).error().while_doing(options.file == "-" ? "standard input" : options.file));
    return parsed;
}

Result<void> check_calls(const TranscriptImportOptions& options, const std::vector<Imported>& calls) {
    if (calls.size() > 1 && (!options.room.empty() || options.attempt != 0))
        return fail_with_hint(Errc::Usage, fmt::format("--room and --attempt are for one transcript, and here are {}", calls.size()), "the rooms and attempts of the file are kept without them");
    for (const auto& one : calls)
        if (one.call.room.empty()) return fail_with_hint(Errc::Usage, "the file names no room", "--room ROOM");
    return {};
}

// Times to the millisecond, as the file has them; µs that only the store has are no difference.
Result<bool> is_stored(store::Store& store, const store::Call& known, const Imported& imported) {
    std::vector<store::Turn> turns;
    VC_TRY(store.turns(known.id, [&](const store::Turn& turn) {
        turns.push_back(turn);
        return turns.size() <= imported.turns.size();
    }));
    return transcript::same_turns(turns, imported.turns);
}

void place_in_time(Plan& plan, const store::Call* known) {
    auto& [imported, call, outcome] = plan;
    if (transcript::is_known(call.started_at)) return;
    call.started_at = known != nullptr ? known->started_at : std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    if (!imported.from_beginning) return;
    const auto from = call.started_at.time_since_epoch();
    for (auto& turn : imported.turns) turn.started_at += from, turn.ended_at += from;
    if (known == nullptr && !call.ended_at && !imported.turns.empty()) call.ended_at = imported.turns.back().ended_at;
}

Result<int> free_attempt(const TranscriptImportOptions& options, const Plan& plan, const std::vector<store::Call>& attempts) {
    const auto taken = [&](int number) { return std::any_of(attempts.begin(), attempts.end(), [&](const auto& one) { return one.attempt == number; }); };
    if (options.attempt != 0) {
        if (taken(options.attempt))
            return fail_with_hint(Errc::Conflict, fmt::format("attempt {} of room {} is another call", options.attempt, terminal_safe(plan.call.room)), "take another number, or none: the next one is found");
        return options.attempt;
    }
    if (plan.imported.attempt && !taken(*plan.imported.attempt)) return *plan.imported.attempt;
    int next = 1;
    for (const auto& one : attempts) next = std::max(next, one.attempt + 1);
    return next;
}

Result<Plan> make_plan(const TranscriptImportOptions& options, Imported imported, store::Store* store, const std::vector<Plan>& before) {
    Plan plan{std::move(imported), {}, "created"};
    plan.call = plan.imported.call;
    plan.call.job_id = transcript::job_of(plan.imported);
    if (plan.call.status.empty()) plan.call.status = "completed";
    std::vector<store::Call> attempts;
    if (store != nullptr) {
        VC_TRY_ASSIGN(attempts, store->list({.room = plan.call.room, .limit = 0}));
    }
    for (const auto& one : before)
        if (one.call.room == plan.call.room) attempts.push_back(one.call);
    const auto known = std::find_if(attempts.begin(), attempts.end(), [&](const auto& one) { return one.job_id == plan.call.job_id; });
    place_in_time(plan, known == attempts.end() ? nullptr : &*known);
    if (known == attempts.end()) {
        VC_TRY_ASSIGN(plan.call.attempt, free_attempt(options, plan, attempts));
        return plan;
    }
    if (known->id == 0) return fail(Errc::Usage, "job {} of room {} stands twice in it", terminal_safe(plan.call.job_id), terminal_safe(plan.call.room));
    plan.call.attempt = known->attempt;
    plan.call.id = known->id;
    if (options.attempt != 0 && options.attempt != known->attempt)
        return fail(Errc::Conflict, "job {} is attempt {} of room {}, not {}", terminal_safe(plan.call.job_id), known->attempt, terminal_safe(plan.call.room), options.attempt);
    VC_TRY_ASSIGN(const auto same, is_stored(*store, *known, plan.imported));
    if (!same && !options.replace)
        return fail_with_hint(Errc::Conflict, fmt::format("room {} has job {} with other words (attempt {})", terminal_safe(plan.call.room), terminal_safe(plan.call.job_id), known->attempt),
                              "--replace puts the file's in their place");
    plan.outcome = same ? "unchanged" : "replaced";
    return plan;
}

Json plan_json(const Plan& plan, std::string_view kind) {
    return {{"id", plan.call.id == 0 ? Json() : Json(plan.call.id)},
            {"room", plan.call.room},
            {"attempt", plan.call.attempt},
            {"jobId", plan.call.job_id},
            {"startedAt", format_time(plan.call.started_at)},
            {"turnCount", plan.imported.turns.size()},
            {"kind", kind},
            {"outcome", plan.outcome}};
}

std::vector<Column> import_columns() {
    return {column("ID", "id"), column("ROOM", "room"), column("ATTEMPT", "attempt"), column("TURNS", "turnCount"), column("OUTCOME", "outcome"), column("JOB", "jobId", true)};
}

Result<void> save_all(store::Store& store, std::vector<Plan>& plans) {
    Interrupt interrupt;  // between two of them, not within one
    for (auto& plan : plans) {
        if (plan.outcome == std::string_view("unchanged")) continue;
        VC_TRY(interrupt.check());
        auto saved = transcript::save_with_retries(store, plan.call, plan.imported.turns, [&](auto pause) { return interrupt.sleep_until(Clock::now() + pause); });
        if (!saved) return std::unexpected(std::move(saved).error().while_doing(fmt::format("saving room {}", terminal_safe(plan.call.room))));
        plan.call.id = saved->id;
    }
    return {};
}

Result<std::unique_ptr<store::Store>> open_store(const TranscriptImportOptions& options, Env& env) {
    const auto path = store_place(options.store, env).path;
    if (!env.global.dry_run) return store::Store::open(path);
    auto found = store::Store::open_existing(path);
    if (!found && found.error().code == Errc::NotFound) return std::unique_ptr<store::Store>();
    return found;
}

}  // namespace

void add_transcript_import(Command transcript, Env& env, Run<TranscriptImportOptions> run) {
    auto options = std::make_shared<TranscriptImportOptions>();
    auto command = transcript.add_subcommand("import", "Take in transcripts that other programs wrote");
    command.footer(kTranscriptImportHelp);
    command.add_option("file", options->file, "What to read; - is standard input").required().type_name("FILE");
    command.add_option("--room", options->room, "The room that it belongs to").type_name("ROOM");
    command.add_option("--attempt", options->attempt, "The attempt that it is").range(1, 1'000'000);
    command.add_option("--agent-speaker", options->agent_speaker, "Who of WebVTT's speakers is the agent").type_name("NAME");
    command.add_option("--started", options->started, "When the call began").type_name("WHEN");
    command.add_flag("--replace", options->replace, "Also over other words of the same job");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_import(const TranscriptImportOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto text, read_input(options.file));
    VC_TRY_ASSIGN(auto parsed, parse_input(options, text));
    VC_TRY(check_calls(options, parsed.calls));
    VC_TRY_ASSIGN(const auto store, open_store(options, env));
    std::vector<Plan> plans;  // all of them first: a conflict leaves nothing half done
    for (auto& one : parsed.calls) {
        VC_TRY_ASSIGN(auto plan, make_plan(options, std::move(one), store.get(), plans));
        plans.push_back(std::move(plan));
    }
    if (!env.global.dry_run) VC_TRY(save_all(*store, plans));
    for (const auto& one : parsed.left_out) env.out.warn(fmt::format("left out: {}", one));
    Json items = Json::array();
    for (const auto& plan : plans) items.push_back(plan_json(plan, parsed.kind));
    if (env.global.dry_run) return show_dry_runs(env, "transcripts", items, import_columns(), "room");
    env.out.changed();
    return env.out.emit_list("transcripts", items, import_columns(), "id");
}

}  // namespace voicectl::commands
