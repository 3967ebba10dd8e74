// How and where a transcript is written, as export and capture have it: a file that appears whole or not at all, or
// standard output. Main thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "commands/output.h"
#include "voicectl/base/atomic_file.h"

namespace voicectl::commands {

/// The names of all forms, for --format.
std::vector<std::string> transcript_formats();
/// --format, and -o jsonl for it. Usage for what picks from a result or prints a table: a transcript is whole.
Result<std::string> chosen_format(const std::string& format, const Output& out);
/// NAME=TEXT,NAME=TEXT as --speaker-names takes them. Usage for what is none.
Result<std::map<std::string, std::string>> parse_speaker_names(const std::vector<std::string>& given);

/// One owner.
class Destination {
 public:
    /// "" and "-" are standard output.
    static Result<Destination> open(const std::string& path, Output& out);

    bool is_file() const { return file_.has_value(); }
    /// Nobody reads any more.
    bool gone() const { return !file_ && out_->reader_gone(); }
    Result<void> write(std::string_view text) { return file_ ? file_->write(text) : out_->emit_raw(text); }
    Result<void> finish() { return file_ ? file_->commit() : Result<void>{}; }

 private:
    explicit Destination(Output& out) : out_(&out) {}
    Output* out_;
    std::optional<AtomicFile> file_;
};

}  // namespace voicectl::commands
