// CSV by RFC 4180: UTF-8, CRLF, every text in quotes.
#include "voicectl/transcript/csv.h"

#include "core/transcript/escape.h"
#include "core/transcript/parts.h"
#include "core/transcript/times.h"

namespace voicectl::transcript {
namespace {

constexpr auto kInQuotes = care_for("\"");

// Spreadsheets take such a beginning for a formula, some of them after blanks and in full width, too. The apostrophes
// count, so that whoever takes one away before any of these has the text as it was.
bool reads_as_formula(std::string_view text) {
    const auto first = text.find_first_not_of(" '");
    if (first == std::string_view::npos) return false;
    text.remove_prefix(first);
    for (const std::string_view one : {"=", "+", "-", "@", "\t", "\r", "\n", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"})
        if (text.starts_with(one)) return true;
    return false;
}

class CsvWriter final : public Writer {
 public:
    explicit CsvWriter(Style style) : style_(std::move(style)) {}

    void begin(std::string& out) override {
        out += "callId,room,attempt,sequence,speaker,";
        if (!style_.speaker_names.empty()) out += "speakerName,";
        out += "identity,startedAt,endedAt,offsetMs,durationMs,interrupted,text";
        out += style_.tools ? ",tools\r\n" : "\r\n";
    }

    void begin_call(const store::Call& call, std::string&) override {
        call_.clear();
        append_number(call_, call.id);
        call_ += ',';
        append_csv(call_, call.room);
        call_ += ',';
        append_number(call_, call.attempt);
        call_ += ',';
    }

    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        out += call_;
        append_number(out, turn.sequence);
        out += ',';
        out += role_of(turn);
        out += ',';
        if (!style_.speaker_names.empty()) append_csv(out, name_of(turn, style_)), out += ',';
        append_csv(out, turn.identity);
        write_times(turn, call, out);
        out += turn.interrupted ? ",true," : ",false,";
        append_csv(out, turn.text);
        if (style_.tools) out += ',', append_csv(out, fmt::format("{}", fmt::join(tool_lines(turn), "\n")));
        out += "\r\n";
    }

 private:
    // What nobody knows stays empty.
    void write_times(const store::Turn& turn, const store::Call& call, std::string& out) {
        const bool began = is_known(turn.started_at), ended = is_known(turn.ended_at);
        out += ',';
        if (began) times_.append(out, turn.started_at);
        out += ',';
        if (ended) times_.append(out, turn.ended_at);
        out += ',';
        if (began) append_number(out, ms_between(call.started_at, turn.started_at));
        out += ',';
        if (began && ended) append_number(out, ms_between(turn.started_at, turn.ended_at));
    }

    Style style_;
    TimeText times_;
    std::string call_;
};

}  // namespace

void append_csv(std::string& out, std::string_view text) {
    out += reads_as_formula(text) ? "\"'" : "\"";
    walk(out, text, kInQuotes, [&](char32_t c, std::string_view bytes) {
        if (c == '"') out += "\"\"";
        else if (c == '\n' || c == '\r' || c == '\t') out += bytes;
        else if (is_control(c) || turns_text(c) || ends_line(c)) append_visible(out, c);
        else out += bytes;
    });
    out += '"';
}

std::unique_ptr<Writer> create_csv(const Style& style) { return std::make_unique<CsvWriter>(style); }

}  // namespace voicectl::transcript
