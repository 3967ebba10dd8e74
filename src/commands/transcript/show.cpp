#include "commands/transcript/show.h"

#include "commands/transcript/render.h"
#include "commands/transcript/source.h"
#include "voicectl/agent/call_report.h"
#include "voicectl/base/json.h"
#include "voicectl/store/json.h"
#include "voicectl/transcript/format.h"

namespace voicectl::commands {
namespace {

constexpr const char* kTranscriptShowHelp = R"(A room's name shows its latest attempt; a call's number shows just that
call. When both fit, the room is meant. Times count from the start of the call.

--report shows how the call went instead, as JSON: every turn with its stages and latencies, what it used and cost,
interruptions, errors and why it ended; of a call that runs or was killed, as far as it came.

Examples:
  voicectl transcript show demo
  voicectl transcript show 7 --json
  voicectl transcript show demo --get '/turns/*/text'
  voicectl transcript show demo --report --get /costs/totalUsd)";

std::string line(const store::Turn& turn, const store::Call& call, const Output& out) {
    const auto shown = turn_text(turn, call);
    const auto speaker = fmt::format("{:<5}", shown.speaker);
    auto text = fmt::format("{:>8}  {}  {}\n", shown.time,
                            turn.speaker == store::Speaker::Agent ? out.green(speaker, Stream::Results) : speaker, shown.text);
    if (!shown.remarks.empty()) text += fmt::format("{:17}{}\n", "", out.dim(shown.remarks, Stream::Results));
    return text;
}

Result<void> show_people(store::Store& store, const store::Call& call, Output& out) {
    VC_TRY(out.emit_raw(transcript::call_heading(call) + "\n"));
    Result<void> printed;
    VC_TRY(store.turns(call.id, [&](const store::Turn& turn) {
        printed = out.emit_raw(line(turn, call, out));
        return printed.has_value() && !out.reader_gone();
    }));
    if (printed && call.turns == 0) out.note("nothing was said");
    return printed;
}

}  // namespace

void add_transcript_show(Command transcript, Env& env, Run<TranscriptShowOptions> run) {
    auto options = std::make_shared<TranscriptShowOptions>();
    auto command = transcript.add_subcommand("show", "Show what was said in a call, by whom and when");
    command.footer(kTranscriptShowHelp);
    command.add_option("call", options->call, "Number of a call, or a room").required().type_name("ID|ROOM");
    add_store_choice(command, options->store);
    command.add_flag("--report", options->report, "How the call went: stages, latencies, usage, costs, errors (JSON)");
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_show(const TranscriptShowOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto store, store::Store::open_existing(store_place(options.store, env).path));
    VC_TRY_ASSIGN(const auto call, find_call(*store, options.call));
    if (options.report) {
        VC_TRY_ASSIGN(const auto report, agent::read_call_report(*store, call));
        return env.out.emit(report, json_text(report, 2), std::to_string(call.id));
    }
    const bool for_people = env.out.format == Format::Table || env.out.format == Format::Wide;
    if (for_people && env.out.get.empty() && env.out.fields.empty()) return show_people(*store, call, env.out);
    auto json = store::to_json(call);
    json["turns"] = Json::array();
    VC_TRY(store->turns(call.id, [&](const store::Turn& turn) {
        json["turns"].push_back(store::to_json(turn, call));
        return true;
    }));
    return env.out.emit(json, {}, std::to_string(call.id));
}

}  // namespace voicectl::commands
