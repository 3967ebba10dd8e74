#include "commands/transcript/list.h"

#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/store/json.h"

namespace voicectl::commands {
namespace {

constexpr const char* kTranscriptListHelp = R"(Newest first. --since and --until compare the start of the call and take a
duration back from now (2h) or a time (2026-01-02T03:04:05Z, 2026-01-02). --match finds calls in which a turn contains
the text; upper and lower case of A to Z are the same.

Examples:
  voicectl transcript list --since 1d
  voicectl transcript list --agent receptionist --match "book a table" --json
  voicectl transcript list --room demo --get '/transcripts/*/id')";

std::string lasted(const Json& call) {
    const auto& length = call["durationMs"];
    return length.is_null() ? "" : format_duration(std::chrono::milliseconds(length.get<std::int64_t>()));
}

std::vector<Column> columns(Format format) {
    return {
        column("ID", "id"),
        column("ROOM", "room"),
        column("ATTEMPT", "attempt"),
        column("AGENT", "agentName"),
        column("CALLER", "callerIdentity", true),
        column("STARTED", "startedAt"),
        format == Format::Tsv ? column("LASTED", "durationMs") : Column{"LASTED", lasted},
        column("TURNS", "turnCount"),
        column("STATUS", "status"),
        column("REASON", "reason", true),
        column("JOB", "jobId", true),
    };
}

Result<std::vector<store::Call>> read_calls(const TranscriptListOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto filter, make_filter(options.choice));
    filter.limit = options.all ? 0 : options.limit + 1;  // one more tells whether the list was cut
    VC_TRY_ASSIGN(auto store, store_to_read(options.store, env));
    if (!store) return std::vector<store::Call>{};
    return store->list(filter);
}

}  // namespace

void add_transcript_list(Command transcript, Env& env, Run<TranscriptListOptions> run) {
    auto options = std::make_shared<TranscriptListOptions>();
    auto command = transcript.add_subcommand("list", "List the calls whose transcripts are stored");
    command.footer(kTranscriptListHelp);
    add_call_choice(command, options->choice);
    command.add_option("--limit", options->limit, "At most so many").range(1, 1'000'000).capture_default();
    command.add_flag("--all", options->all, "Without a limit");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_list(const TranscriptListOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto calls, read_calls(options, env));
    const auto limit = static_cast<std::size_t>(options.limit);
    const bool cut = !options.all && calls.size() > limit;
    if (cut) calls.resize(limit);
    Json items = Json::array();
    for (const auto& call : calls) items.push_back(store::to_json(call));
    VC_TRY(env.out.emit_list("transcripts", items, columns(env.out.format), "id"));
    if (cut) env.out.note(fmt::format("only the newest {}; --limit or --all shows more", limit));
    return {};
}

}  // namespace voicectl::commands
