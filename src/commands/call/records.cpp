#include "commands/call/records.h"

#include "commands/transcript/source.h"
#include "voicectl/agent/detail_record.h"
#include "voicectl/base/json.h"
#include "voicectl/transcript/csv.h"

namespace voicectl::commands {
namespace {

constexpr const char* kCallRecordsHelp = R"(One line a call, the newest first: who, when, how long, what each stage used, the cost, how fast the answers came,
why it ended, and the longest recording that webhook events told of. --csv has all fields with their names in the first line, and reads the calls one after the other, so that a
year of them costs no memory; so does -o jsonl. costComplete is false where a provider had no known price.

Examples:
  voicectl call records --since 30d --all --csv > calls.csv
  voicectl call records --agent receptionist --json
  voicectl call records --room demo --get '/records/*/costUsd')";

using Records = std::function<Result<void>(const Json& record)>;

/// The whole list when all or fewer than the limit are there.
Result<bool> each_record(const CallRecordsOptions& options, Env& env, const Records& each) {
    VC_TRY_ASSIGN(auto filter, make_filter(options.choice));
    VC_TRY_ASSIGN(auto store, store_to_read(options.store, env));
    if (!store) return true;
    filter.limit = options.all ? 0 : options.limit + 1;
    VC_TRY_ASSIGN(auto calls, store->list(filter));
    const bool cut = !options.all && calls.size() > static_cast<std::size_t>(options.limit);
    if (cut) calls.resize(static_cast<std::size_t>(options.limit));
    for (const auto& call : calls) {
        VC_TRY_ASSIGN(const auto record, agent::read_detail_record(*store, call));
        VC_TRY(each(record));
        if (env.out.reader_gone()) break;
    }
    return !cut;
}

std::vector<Column> record_columns() {
    return {column("ID", "callId"),        column("ROOM", "room"),          column("AGENT", "agentName"),     column("CALLER", "callerIdentity", true),
            column("USER", "userId", true), column("STARTED", "startedAt"), column("MS", "durationMs"),       column("TURNS", "turns", true),
            column("STT_S", "sttSeconds"), column("TOKENS_IN", "llmInputTokens", true), column("TOKENS_OUT", "llmOutputTokens", true),
            column("CHARS", "ttsCharacters", true), column("USD", "costUsd"), column("P50_MS", "answerP50Ms"), column("P95_MS", "answerP95Ms"),
            column("STATUS", "status"),    column("REASON", "reason", true),
            column("RECORDING", "recordingLocation", true)};
}

std::string names_line(const Json& record) {
    std::string line;
    for (const auto& [name, value] : record.items()) line += (line.empty() ? "" : ",") + name;
    return line + "\r\n";
}

std::string values_line(const Json& record) {
    std::string line;
    for (const auto& value : record) {
        if (&value != &record.front()) line += ',';
        if (value.is_string()) transcript::append_csv(line, value.get_ref<const std::string&>());
        else if (!value.is_null()) line += value.dump();
    }
    return line + "\r\n";
}

Result<bool> write_csv(const CallRecordsOptions& options, Env& env) {
    bool first = true;
    return each_record(options, env, [&](const Json& record) -> Result<void> {
        return env.out.emit_raw((std::exchange(first, false) ? names_line(record) : "") + values_line(record));
    });
}

Result<bool> write_lines(const CallRecordsOptions& options, Env& env) {
    return each_record(options, env, [&](const Json& record) { return env.out.emit_raw(json_text(record) + "\n"); });
}

Result<bool> write_list(const CallRecordsOptions& options, Env& env) {
    Json items = Json::array();
    VC_TRY_ASSIGN(const bool whole, each_record(options, env, [&](const Json& record) -> Result<void> {
                      items.push_back(record);
                      return {};
                  }));
    VC_TRY(env.out.emit_list("records", items, record_columns(), "callId"));
    return whole;
}

}  // namespace

void add_call_records(Command call, Env& env, Run<CallRecordsOptions> run) {
    auto options = std::make_shared<CallRecordsOptions>();
    auto command = call.add_subcommand("records", "List what calls used, cost and were like (call detail records)");
    command.footer(kCallRecordsHelp);
    add_call_choice(command, options->choice);
    command.add_flag("--csv", options->csv, "Comma-separated values, all fields");
    command.add_option("--limit", options->limit, "At most so many").range(1, 1'000'000).capture_default();
    command.add_flag("--all", options->all, "Without a limit");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_call_records(const CallRecordsOptions& options, Env& env) {
    if (options.csv && env.out.for_scripts())
        return fail_with_hint(Errc::Usage, "--csv has all fields: -o, --get and --fields choose nothing from it", "leave one of them out");
    const bool lines = env.out.format == Format::Jsonl && env.out.get.empty() && env.out.fields.empty();
    VC_TRY_ASSIGN(const bool whole, options.csv ? write_csv(options, env) : lines ? write_lines(options, env) : write_list(options, env));
    if (!whole) env.out.note(fmt::format("only the newest {}; --limit or --all shows more", options.limit));
    return {};
}

}  // namespace voicectl::commands
