#include "commands/transcript/export.h"

#include <algorithm>
#include <optional>

#include "commands/interrupt.h"
#include "commands/transcript/destination.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"
#include "voicectl/transcript/redact.h"

namespace voicectl::commands {
namespace {

constexpr const char* kTranscriptExportHelp = R"(Calls are named by number or by room (its latest attempt), or chosen as
by `transcript list`; these come oldest first.
json: one call gives one object, several give {"transcripts": [...]}; jsonl: one turn a line; csv: one turn a row, for
spreadsheets; md and txt: for people; srt and vtt: subtitles of one call, with times from its beginning.
With --out the file appears when it is complete, or not at all; one that was there is replaced.
-o jsonl stands for --format jsonl; -o tsv, name and wide, --fields and --get are refused.

--speaker-names gives names to `user`, `agent`, or one identity. --redact replaces what matches (RE2) by [redacted]: in
what was said, in identities, in details, and in what is told of the call. --tools tells what the agent called in csv,
md and txt; json and jsonl have it under `detail` anyway.

Examples:
  voicectl transcript export demo --format txt
  voicectl transcript export 7 8 9 --format jsonl --out calls.jsonl
  voicectl transcript export demo --format vtt --speaker-names user=Anna,agent=Bot --out demo.vtt
  voicectl transcript export --agent receptionist --since 1d --format csv --redact '\d{6,}' --out day.csv)";

constexpr const char* kChoose = "name calls or rooms, choose by --room, --agent, --since, --until or --match, or take --all";

Result<void> write_all(store::Store& store, const std::vector<store::Call>& calls, transcript::Writer& writer, const transcript::Redactor& redactor,
                       Destination& destination, const Interrupt* interrupt) {
    constexpr std::size_t kFlush = 64 * 1024;
    std::string text;
    writer.begin(text);
    for (auto call : calls) {
        const auto id = call.id;
        redactor.apply(call);
        writer.begin_call(call, text);
        Result<void> written;
        VC_TRY(store.turns(id, [&](const store::Turn& turn) {
            if (redactor.empty()) {
                writer.turn(turn, call, text);
            } else {
                auto shown = turn;
                redactor.apply(shown);
                writer.turn(shown, call, text);
            }
            if (text.size() < kFlush) return true;
            written = destination.write(text);
            text.clear();
            if (written && interrupt) written = interrupt->check();
            return written.has_value() && !destination.gone();
        }));
        VC_TRY(written);
        writer.end_call(text);
    }
    writer.end(text);
    VC_TRY(destination.write(text));
    return destination.finish();
}

Result<void> check_choice(const TranscriptExportOptions& options) {
    const int ways = (options.calls.empty() ? 0 : 1) + (options.choice.empty() ? 0 : 1) + (options.all ? 1 : 0);
    if (ways == 0) return fail_with_hint(Errc::Usage, "no call is chosen", kChoose);
    if (ways > 1) return fail_with_hint(Errc::Usage, "named calls, filters and --all are three ways to choose: one at a time", kChoose);
    return {};
}

// All of them first: an unknown one leaves no half of an answer.
Result<std::vector<store::Call>> chosen_calls(store::Store& store, const TranscriptExportOptions& options) {
    std::vector<store::Call> calls;
    for (const auto& one : options.calls) {
        VC_TRY_ASSIGN(auto call, find_call(store, one));
        calls.push_back(std::move(call));
    }
    if (!options.calls.empty()) return calls;
    VC_TRY_ASSIGN(const auto filter, make_filter(options.choice));
    VC_TRY_ASSIGN(calls, store.list(filter));
    std::reverse(calls.begin(), calls.end());
    return calls;
}

Result<void> check_form(const transcript::Form& form, const TranscriptExportOptions& options, const std::vector<store::Call>& calls) {
    if (options.tools && !form.tools)
        return fail_with_hint(Errc::Usage, fmt::format("subtitles show what was said: --format {} has no --tools", form.name), "--format txt, md, csv or json");
    if (form.several || calls.size() == 1) return {};
    if (calls.empty()) return fail_with_hint(Errc::NotFound, "no such calls, and no subtitles of none", "voicectl transcript list");
    return fail_with_hint(Errc::Usage, fmt::format("--format {} holds one call, and {} are chosen: the times of each count from its own beginning", form.name, calls.size()),
                          "one export for each call, or --format json, jsonl, csv, md or txt");
}

}  // namespace

void add_transcript_export(Command transcript, Env& env, Run<TranscriptExportOptions> run) {
    auto options = std::make_shared<TranscriptExportOptions>();
    auto command = transcript.add_subcommand("export", "Write transcripts for other programs");
    command.footer(kTranscriptExportHelp);
    command.add_option("calls", options->calls, "Numbers of calls, or rooms").type_name("ID|ROOM");
    command.add_option("--format", options->format, "How it is written").one_of(transcript_formats()).capture_default();
    command.no_dry_run_with(command.add_option("--out", options->out, "Write this file, also over an old one; - is standard output").type_name("FILE"));
    add_call_choice(command, options->choice);
    command.add_flag("--all", options->all, "All that the store has");
    command.add_option("--speaker-names", options->speaker_names, "What speakers are called").type_name("WHO=NAME,…").one_value();
    command.add_option("--redact", options->redact, "What must not be in it, repeatable").type_name("REGEX").one_value();
    command.add_flag("--tools", options->tools, "Also what the agent called");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_export(const TranscriptExportOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto format, chosen_format(options.format, env.out));
    const auto* form = transcript::find_form(format);
    if (form == nullptr) return fail(Errc::Usage, "no export format '{}'", format);
    VC_TRY(check_choice(options));
    transcript::Style style;
    VC_TRY_ASSIGN(style.speaker_names, parse_speaker_names(options.speaker_names));
    VC_TRY_ASSIGN(const auto redactor, transcript::Redactor::create(options.redact));
    VC_TRY_ASSIGN(auto store, store::Store::open_existing(store_place(options.store, env).path));
    VC_TRY_ASSIGN(const auto calls, chosen_calls(*store, options));
    VC_TRY(check_form(*form, options, calls));
    style.tools = options.tools;
    style.several = options.calls.empty() ? form->several : calls.size() > 1;  // what a filter finds is a list, also of one
    const auto writer = form->create(style);
    VC_TRY_ASSIGN(auto destination, Destination::open(options.out, env.out));
    std::optional<Interrupt> interrupt;
    if (destination.is_file()) interrupt.emplace();  // nothing half is left behind
    VC_TRY(write_all(*store, calls, *writer, redactor, destination, interrupt ? &*interrupt : nullptr));
    if (destination.is_file()) env.out.note(fmt::format("wrote {}", options.out));
    return {};
}

}  // namespace voicectl::commands
