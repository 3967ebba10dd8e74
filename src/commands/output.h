// Where results and talk go. Results go to stdout as a table or as JSON and nothing else does; notes,
// progress, warnings and errors go to stderr. Main thread, except note() and progress(): any thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::commands {

enum class Format { Table, Wide, Json, Jsonl, Tsv, Name };

using Json = nlohmann::ordered_json;

struct Column {
    std::string title;
    std::function<std::string(const Json& item)> text;
    bool wide = false;  // only with -o wide
};
/// A column that shows one field as it is.
Column column(std::string title, std::string key, bool wide = false);
std::string scalar_text(const Json& value);

enum class Stream { Results, Talk };

class Output {
 public:
    Output(std::ostream& results, std::ostream& talk, bool results_are_tty, bool talk_is_tty)
        : results_(&results), talk_(&talk), tty_(results_are_tty), talk_tty_(talk_is_tty) {}

    Format format = Format::Table;
    std::vector<std::string> fields;  // --fields a,b
    std::string get;                  // --get /path
    bool quiet = false;
    Json error_details;  // an object that stands beside code and message in a JSON error
    std::string color = "auto";  // auto, always, never
    std::function<std::optional<std::string>(const std::string&)> environment;

    bool json() const { return format == Format::Json || format == Format::Jsonl; }
    /// Programs read what goes to standard output, so nothing else may.
    bool for_scripts() const { return json() || format == Format::Tsv || format == Format::Name || !get.empty() || !fields.empty(); }
    /// By --color, NO_COLOR, CLICOLOR_FORCE, TERM and whether the stream is a terminal.
    bool coloured(Stream stream = Stream::Talk) const;
    bool talk_is_terminal() const { return talk_tty_; }
    bool results_are_terminal() const { return tty_; }

    /// One result. `human` is what a person reads; `name` is what `-o name` prints.
    Result<void> emit(const Json& value, std::string_view human, std::string_view name = {});
    /// Many: {"rooms": […]} with `noun` "rooms"; `name_key` is what `-o name` prints of each.
    Result<void> emit_list(std::string_view noun, const Json& items, const std::vector<Column>& columns,
                           std::string_view name_key);
    /// Bytes as they are (exports). No format applies.
    Result<void> emit_raw(std::string_view bytes);
    /// From here on the result tells what was done: --fields and --get that name nothing do not keep it back, and are
    /// told at the end.
    void changed() { changed_ = true; }
    /// What main tells as the command's error when there is no other.
    const std::optional<Error>& left_to_tell() const { return left_to_tell_; }
    /// Whoever read the results has closed the pipe (`| head`): that is no error, and what is still written
    /// goes nowhere; commands that would go on for long may stop.
    bool reader_gone() const { return reader_gone_; }

    /// For people, on stderr, silent with -q. Redacted; control characters are escaped, but for ends of lines.
    void note(std::string_view text);
    /// What was asked for by -v or --trace: as note(), also with -q.
    void trace(std::string_view text);
    /// What is going on right now, on a line that the next text replaces; empty clears it. Terminals only.
    void progress(std::string_view text);
    /// As trace(), for what holds no secret and must stay as it is (a command to copy).
    void verbatim(std::string_view text);
    /// A question to a person, the cursor staying behind it; also with -q.
    void question(std::string_view text);
    /// A warning; also silent with -q.
    void warn(std::string_view text);
    /// The error of the whole command: one line and a hint, or one JSON object.
    void error(const Error& error, const livekit::CallTrace* call);

    /// Painted when that stream is coloured.
    std::string bold(std::string_view text, Stream stream = Stream::Talk) const;
    std::string green(std::string_view text, Stream stream = Stream::Talk) const;
    std::string red(std::string_view text, Stream stream = Stream::Talk) const;
    std::string dim(std::string_view text, Stream stream = Stream::Talk) const;

 private:
    std::string paint(std::string_view code, std::string_view text, Stream stream) const;
    Result<void> write(std::string_view text);
    void say(std::string_view text);
    Result<Json> selected(const Json& value) const;
    Result<void> wrong_selection(Error error);
    void tell_at_end(Error error);
    std::string line_safe(std::string_view text) const;
    Result<void> emit_names(const std::vector<Json>& names);
    Result<void> emit_found(const Json& value);
    std::string cell(std::string text) const;
    std::string script_text(const Json& value) const;
    std::vector<Column> shown(const std::vector<Column>& columns) const;
    std::string tsv(const Json& items, const std::vector<Column>& columns) const;
    std::string table(const Json& items, const std::vector<Column>& columns) const;
    std::ostream* results_;
    std::ostream* talk_;
    bool tty_, talk_tty_;
    bool reader_gone_ = false;
    bool changed_ = false;
    std::optional<Error> left_to_tell_;
    std::shared_ptr<std::mutex> talking_ = std::make_shared<std::mutex>();
};

}  // namespace voicectl::commands
