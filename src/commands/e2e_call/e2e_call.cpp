#include "commands/e2e_call/e2e_call.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "commands/transcript/source.h"
#include "voicectl/base/process.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kE2eCallHelp = R"(Makes a call and judges it by what the caller hears: room, dispatch, a token of least privilege, the agent
there in time, its greeting heard to the end, each question spoken and its answer heard, the latency from the
last sound sent to the first sound received, the transcript in the store, the room gone again.

With --local nothing else is needed: a livekit-server and an agent are started on this machine and stopped
again. Otherwise the server comes from LIVEKIT_URL and the agent from --agent (dispatched by name) or from
whoever serves --room. --record-egress adds Redis, a recorder (`egress serve`) and a receiver of the webhooks: LiveKit's own
API records the call then, and the recording has to hold both sides, each on its own channel. --record-egress=s3 has it go through
an S3 storage on this machine (versitygw), from which it is fetched and judged.

Answers are recognised with a full language model that knows nothing of what is expected. An expectation holds
when --tolerance of its words were heard in order, compared by how they sound; below six words only the very
words count (docs/e2e-call.md).

A --script can also speak into what the agent says, and see it stop or go on; say nothing, and wait for it to speak; and
expect it to end the call (docs/e2e-call.md).

Exit 0 only when every check ran and held, 3 when one did not. -o tsv prints one row per check (id, state, milliseconds,
title, detail), -o name the ids of those that did not hold.

Examples:
  voicectl e2e-call --local
  voicectl e2e-call --local --record-egress --record recordings/
  voicectl e2e-call --local --record-egress=s3
  voicectl e2e-call --local --agent-config my-agent.yaml --say "When are you open?" --expect "nine in the morning"
  voicectl e2e-call --agent receptionist --script examples/receptionist-call.yaml --json
  voicectl e2e-call --agent receptionist --say question.wav --record recordings/)";

// What is there as a file, and what ends like a recording: nobody wants to hear a path spoken.
bool is_audio_file(const std::string& say) {
    constexpr std::array kEndings{".wav", ".flac", ".ogg",  ".mp3", ".mp4", ".m4a", ".opus", ".aac",
                                  ".webm", ".aiff", ".au", ".mkv", ".mov", ".wma", ".oga"};
    std::error_code failed;
    if (std::filesystem::is_regular_file(say, failed)) return true;
    const auto ending = to_lower_ascii(std::filesystem::path(say).extension().string());
    return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

// An --expect belongs to the --say before it.
void gather_turns(Command command, Flag say, Flag expect, E2eCallOptions& options) {
    for (const auto& [flag, value] : command.in_order()) {
        if (trim(value).empty()) refuse(flag == say ? "--say" : "--expect", "has no words in it");
        if (flag == say) {
            e2e::ScriptTurn turn;
            (is_audio_file(value) ? turn.audio_file : turn.say) = value;
            options.turns.push_back(std::move(turn));
        } else if (flag == expect) {
            if (options.turns.empty()) refuse("--expect", "must follow the --say that it belongs to");
            if (!options.turns.back().expect.empty()) refuse("--expect", "stands twice after one --say");
            options.turns.back().expect = value;
        }
    }
}

Result<e2e::Script> script_of(const E2eCallOptions& options) {
    if (!options.script.empty() && !options.turns.empty())
        return fail(Errc::Usage, "--script and --say exclude each other");
    if (options.no_greeting && !options.greeting.empty())
        return fail_with_hint(Errc::Usage, "--greeting and --no-greeting exclude each other", "an agent that waits for the caller says none");
    e2e::Script script;
    if (!options.script.empty()) {
        auto loaded = e2e::load_script(options.script);
        if (!loaded && loaded.error().code == Errc::NotFound) return fail(Errc::Usage, "{}", loaded.error().message);
        VC_TRY_ASSIGN(script, std::move(loaded));
    }
    if (!options.turns.empty()) script.turns = options.turns;
    if (!options.greeting.empty()) script.greeting = options.greeting;
    if (options.no_greeting) script.greets = false;
    return script;
}

Result<e2e::CallTestOptions> test_options(const E2eCallOptions& options, Env& env) {
    e2e::CallTestOptions test;
    if (!(options.tolerance >= 0.1 && options.tolerance <= 1)) return fail(Errc::Usage, "--tolerance must be between 0.1 and 1");
    if (options.local && !options.room.empty()) return fail(Errc::Usage, "--local makes a room of its own; leave --room out");
    if (options.local) {
        test.agent_config = options.config;
        test.executable = own_executable();
    } else {
        if (options.agent.empty() && options.room.empty())
            return fail_with_hint(Errc::Usage, "which agent?", "pass --agent NAME, --room NAME, or --local for one of our own");
        if (!options.config.empty())
            return fail_with_hint(Errc::Usage, "--agent-config is for --local", "the agent of a server has its own; --agent names it");
        VC_TRY_ASSIGN(test.server, env.server());
    }
    test.agent_name = options.agent;
    test.room = options.room;
    VC_TRY_ASSIGN(test.script, script_of(options));
    VC_TRY_ASSIGN(test.metadata, read_payload(options.metadata));
    test.voice = options.voice;
    warn_of_password(options.store, env);
    test.store = options.store;
    test.tolerance = options.tolerance;
    test.record_folder = options.record;
    if (options.record_egress == "s3") test.record_to = e2e::CallTestOptions::RecordTo::S3;
    else if (options.record_egress == "file") test.record_to = e2e::CallTestOptions::RecordTo::File;
    else if (!options.record_egress.empty()) return fail_with_hint(Errc::Usage, fmt::format("--record-egress={} is not known", terminal_safe(options.record_egress)), "--record-egress for a file of this machine, --record-egress=s3 for an S3 storage on it");
    if (!options.record_egress.empty() && !options.local)
        return fail_with_hint(Errc::Usage, "--record-egress is for --local, where the recorder is one of our own", "voicectl call start --record has a server's own egress record a call");
    test.keep_room = options.keep_room;
    VC_TRY_ASSIGN(test.join_timeout, time_of("--join-timeout", options.join_timeout));
    VC_TRY_ASSIGN(test.answer_timeout, time_of("--answer-timeout", options.answer_timeout));
    VC_TRY_ASSIGN(test.max_latency, time_of("--max-latency", options.max_latency));
    return test;
}

std::string check_line(const e2e::Check& check, const Output& out) {
    const bool held = check.state == e2e::Check::State::Held;
    auto line = fmt::format("{} {:<26} {:>8}", held ? out.green("✓") : out.red("✗"), check.title, format_duration(check.elapsed));
    if (!check.detail.empty()) line += "  " + check.detail;
    if (!held && check.evidence.contains("hint")) line += "\n  " + out.dim("hint: " + scalar_text(check.evidence["hint"]));
    return line;
}

std::vector<Column> check_columns() {
    return {column("ID", "id"), column("STATE", "state"), column("MS", "elapsedMs"), column("TITLE", "title"), column("DETAIL", "detail")};
}

Result<void> show_report(const e2e::Report& report, Output& out) {
    const Json json = report.to_json();
    if (!out.get.empty() || (out.format != Format::Tsv && out.format != Format::Name))
        return out.emit(json, "", report.passed() ? "passed" : "failed");
    Json checks = Json::array();
    for (const auto& one : json["checks"])
        if (out.format == Format::Tsv || one["state"] != "passed") checks.push_back(one);
    return out.emit_list("checks", checks, check_columns(), "id");
}

}  // namespace

void add_e2e_call(Command root, Env& env, Run<E2eCallOptions> run) {
    auto options = std::make_shared<E2eCallOptions>();
    auto command = root.add_subcommand("e2e-call", "Make a whole call and prove it");
    command.footer(kE2eCallHelp).no_dry_run();
    command.add_flag("--local", options->local, "With a server and an agent of our own on this machine").group("Which call");
    command.add_option("--agent", options->agent, "Dispatch the agent of this name").group("Which call").type_name("AGENT");
    command.add_option("--room", options->room, "Use this room (created, and deleted again, unless it is there)").group("Which call").type_name("ROOM");
    command.add_option("--agent-config", options->config, "With --local: the agent's YAML file [the built-in receptionist]").group("Which call").type_name("FILE");
    command.add_option("--metadata", options->metadata, "Metadata of the dispatch: text, @FILE or -").group("Which call").type_name("TEXT|@FILE|-");
    auto say = command.add_option("--say", "What the caller says: text, or a recording: any file, and what ends in .wav, .mp3, … (repeat)")
                   .keep_order()
                   .one_value()
                   .group("What is said")
                   .type_name("TEXT|FILE");
    auto expect = command.add_option("--expect", "Words that the answer to the --say before must have, in order")
                      .keep_order()
                      .one_value()
                      .group("What is said")
                      .type_name("TEXT");
    command.add_option("--script", options->script, "Turns from a YAML file").group("What is said").type_name("FILE");
    command.add_option("--greeting", options->greeting, "Words that the greeting must have [what the agent stored]").group("What is said");
    command.add_flag("--no-greeting", options->no_greeting, "The agent waits for the caller to speak first").group("What is said");
    command.add_option("--voice", options->voice, "The caller's flite voice").capture_default().group("What is said").type_name("NAME");
    command.add_option("--tolerance", options->tolerance, "Share of expected words that must be heard")
        .range(0.1, 1.0)
        .capture_default()
        .group("What holds");
    command.add_option("--join-timeout", options->join_timeout, "Until the agent is there").capture_default().group("What holds").type_name("TIME");
    command.add_option("--answer-timeout", options->answer_timeout, "Until an answer begins").capture_default().group("What holds").type_name("TIME");
    command.add_option("--max-latency", options->max_latency, "From question to answer").capture_default().group("What holds").type_name("TIME");
    command.add_option("--store", options->store, "The agent's store, to check the transcript in [with --local: one for this call]").group("What holds").type_name("PATH");
    command.add_option("--record", options->record, "Keep both sides as audio in this folder").group("What is kept").type_name("DIR");
    command.add_flag("--record-egress{file}", options->record_egress, "With --local: have LiveKit record it too, by `egress serve`, and judge the recording (=s3: out of an S3 storage of our own)").group("What is kept");
    command.add_flag("--keep-room", options->keep_room, "Do not delete the room").group("What is kept");
    command.callback([command, say, expect, options, &env, run = std::move(run)] {
        options->turns.clear();
        gather_turns(command, say, expect, *options);
        env.selected = [options, &env, run] { return run(*options, env); };
    });
}

Result<void> run_e2e_call(const E2eCallOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto test, test_options(options, env));
    if (!options.local) VC_TRY(env.change("make a call"));
    auto& out = env.out;
    e2e::CallTestEvents events;
    const bool lines_are_talk = out.for_scripts();
    const bool live = out.talk_is_terminal() && !out.quiet && !lines_are_talk;
    events.on_start = [&](const std::string& title) {
        if (live) out.progress(fmt::format("… {}", title));
    };
    events.on_check = [&](const e2e::Check& check) {
        if (live) out.progress("");
        const auto line = check_line(check, out);
        if (lines_are_talk) out.note(line);
        else (void)out.emit_raw(line + "\n");
    };
    VC_TRY_ASSIGN(const auto report, e2e::run_call_test(test, env.http(), events));
    const auto summary = fmt::format("{}: {} in {}", out.green("passed"), report.summary(), format_duration(report.elapsed));
    if (lines_are_talk) VC_TRY(show_report(report, out));
    else if (report.passed()) VC_TRY(out.emit_raw(summary + "\n"));
    return report.verdict();
}

}  // namespace voicectl::commands
