#include "commands/transcript/export.h"

#include <optional>

#include "commands/transcript/source.h"
#include "commands/transcript/writer.h"
#include "voicectl/base/atomic_file.h"

namespace voicectl::commands {
namespace {

constexpr const char* kTranscriptExportHelp = R"(Calls are named by number or by room (its latest attempt).
json: one call gives one object, several give {"transcripts": [...]}; jsonl: one turn a line; txt: for people.
With --out the file appears when it is complete, or not at all; one that was there is replaced.
-o jsonl stands for --format jsonl; -o tsv, name and wide, --fields and --get are refused.

Examples:
  voicectl transcript export demo --format txt
  voicectl transcript export 7 8 9 --format jsonl --out calls.jsonl)";

// Where the text goes: a file that appears at the end, or standard output.
class Destination {
 public:
    static Result<Destination> open(const std::string& path, Output& out) {
        Destination made(out);
        if (path.empty() || path == "-") return made;
        VC_TRY_ASSIGN(auto file, AtomicFile::create(path, 0600));  // what people said is for its owner
        made.file_.emplace(std::move(file));
        return made;
    }
    bool is_file() const { return file_.has_value(); }
    bool gone() const { return !file_ && out_->reader_gone(); }
    Result<void> write(std::string_view text) { return file_ ? file_->write(text) : out_->emit_raw(text); }
    Result<void> finish() { return file_ ? file_->commit() : Result<void>{}; }

 private:
    explicit Destination(Output& out) : out_(&out) {}
    Output* out_;
    std::optional<AtomicFile> file_;
};

Result<void> write_all(store::Store& store, const std::vector<store::Call>& calls, TranscriptWriter& writer,
                       Destination& destination) {
    constexpr std::size_t kFlush = 64 * 1024;
    std::string text;
    writer.begin(text);
    for (const auto& call : calls) {
        writer.begin_call(call, text);
        Result<void> written;
        VC_TRY(store.turns(call.id, [&](const store::Turn& turn) {
            writer.turn(turn, call, text);
            if (text.size() < kFlush) return true;
            written = destination.write(text);
            text.clear();
            return written.has_value() && !destination.gone();
        }));
        VC_TRY(written);
        writer.end_call(text);
    }
    writer.end(text);
    VC_TRY(destination.write(text));
    return destination.finish();
}

Result<std::string> chosen_format(const TranscriptExportOptions& options, const Output& out) {
    if (!out.get.empty() || !out.fields.empty())
        return fail_with_hint(Errc::Usage, "an export is whole: --get and --fields pick nothing from it", "voicectl transcript show ID --get PATH");
    if (out.format == Format::Tsv || out.format == Format::Name || out.format == Format::Wide)
        return fail_with_hint(Errc::Usage, "an export is none of -o tsv, name and wide", "--format json, jsonl or txt");
    return out.format == Format::Jsonl && options.format == "json" ? "jsonl" : options.format;
}

}  // namespace

void add_transcript_export(Command transcript, Env& env, Run<TranscriptExportOptions> run) {
    auto options = std::make_shared<TranscriptExportOptions>();
    auto command = transcript.add_subcommand("export", "Write transcripts for other programs");
    command.footer(kTranscriptExportHelp);
    command.add_option("calls", options->calls, "Numbers of calls, or rooms").required().type_name("ID|ROOM");
    command.add_option("--format", options->format, "json, jsonl or txt")
        .one_of({"json", "jsonl", "txt"})
        .capture_default();
    command.no_dry_run_with(command.add_option("--out", options->out, "Write this file, also over an old one; - is standard output").type_name("FILE"));
    command.add_option("--store", options->store, "Transcript store [VOICECTL_STORE]").type_name("PATH");
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_export(const TranscriptExportOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto format, chosen_format(options, env.out));
    const auto writer = make_writer(format, options.calls.size() > 1);
    if (!writer) return fail(Errc::Usage, "no export format '{}'", format);
    VC_TRY_ASSIGN(auto store, store::Store::open_existing(store_place(options.store, env).path));
    std::vector<store::Call> calls;  // all of them first: an unknown one leaves no half of an answer
    for (const auto& one : options.calls) {
        VC_TRY_ASSIGN(auto call, find_call(*store, one));
        calls.push_back(std::move(call));
    }
    VC_TRY_ASSIGN(auto destination, Destination::open(options.out, env.out));
    VC_TRY(write_all(*store, calls, *writer, destination));
    if (destination.is_file()) env.out.note(fmt::format("wrote {}", options.out));
    return {};
}

}  // namespace voicectl::commands
