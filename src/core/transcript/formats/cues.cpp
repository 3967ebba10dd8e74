// Subtitles: SubRip, which has no standard (what VLC, mpv and ffmpeg read), and WebVTT (W3C). A turn is a cue, its
// times count from the beginning of the call.
#include <algorithm>
#include <deque>
#include <map>

#include "core/transcript/escape.h"
#include "core/transcript/parts.h"
#include "core/transcript/times.h"

namespace voicectl::transcript {
namespace {

struct Cue {
    std::int64_t start_ms, end_ms;
    int sequence;
    std::string speaker;  // who cannot say two things at once
    std::string text;     // as it is written
};

/// Puts cues in order as players want them: starts that never go back, ends after starts, and nobody's cue before the
/// one before has ended. Looks at a few of them at once, so that memory does not grow.
class Schedule {
 public:
    void add(const store::Turn& turn, const store::Call& call, std::string text) {
        const auto guess = guessed_length(text);
        auto start = is_known(turn.started_at) ? ms_between(call.started_at, turn.started_at) : free_;
        auto end = is_known(turn.started_at) && is_known(turn.ended_at) ? ms_between(call.started_at, turn.ended_at) : start + guess;
        start = std::clamp<std::int64_t>(start, 0, kLongest);
        if (end <= start) end = start + guess;
        free_ = end = std::min(end, kLongest + guess);
        Cue cue{start, end, turn.sequence, fmt::format("{} {}", role_of(turn), turn.identity), std::move(text)};
        const auto place = std::upper_bound(window_.begin(), window_.end(), start, [](std::int64_t at, const Cue& one) { return at < one.start_ms; });
        window_.insert(place, std::move(cue));
    }
    bool full() const { return window_.size() > kWindow; }
    bool empty() const { return window_.empty(); }

    Cue take() {
        auto cue = std::move(window_.front());
        window_.pop_front();
        auto& busy = busy_until_[busy_until_.size() < kSpeakers ? cue.speaker : std::string()];
        cue.start_ms = std::max({cue.start_ms, last_start_, busy});
        const auto next = std::find_if(window_.begin(), window_.end(), [&](const Cue& one) { return one.speaker == cue.speaker; });
        if (next != window_.end() && next->start_ms > cue.start_ms) cue.end_ms = std::min(cue.end_ms, next->start_ms);
        cue.end_ms = std::max(cue.end_ms, cue.start_ms + 1);
        last_start_ = cue.start_ms;
        busy = cue.end_ms;
        return cue;
    }

 private:
    static constexpr std::size_t kWindow = 16, kSpeakers = 1000;
    static constexpr std::int64_t kLongest = kLatestCueMs;

    // Of what nobody timed: as long as it takes to read it.
    static std::int64_t guessed_length(const std::string& text) {
        constexpr std::int64_t kPerByteMs = 65, kShortMs = 1000, kLongMs = 7000;
        return std::clamp(static_cast<std::int64_t>(text.size()) * kPerByteMs, kShortMs, kLongMs);
    }

    std::deque<Cue> window_;
    std::map<std::string, std::int64_t> busy_until_;
    std::int64_t last_start_ = 0, free_ = 0;
};

/// Readers differ in what a blank line is, and one would end the cue.
bool is_blank(std::string_view line) {
    const auto space = [](char32_t c) { return c == ' ' || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200B) || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF; };
    while (!line.empty()) {
        const auto [value, bytes] = first_code_point(line);
        if (!space(value)) return false;
        line.remove_prefix(bytes);
    }
    return true;
}

class CueWriter : public Writer {
 public:
    explicit CueWriter(Style style) : style_(std::move(style)) {}

    void turn(const store::Turn& turn, const store::Call& call, std::string& out) final {
        std::string text;
        for (const auto line : lines_of(turn.text)) {
            std::string shown;
            append_text(shown, line);
            if (const auto left = trim(shown); !is_blank(left)) text.append(left) += '\n';
        }
        if (text.empty()) return;  // nothing to show
        text.insert(0, head(name_of(turn, style_)));
        schedule_.add(turn, call, std::move(text));
        if (schedule_.full()) write(schedule_.take(), out);
    }
    void end_call(std::string& out) final {
        while (!schedule_.empty()) write(schedule_.take(), out);
    }

 protected:
    const Style& style() const { return style_; }

 private:
    virtual std::string head(std::string_view speaker) const = 0;
    virtual void append_text(std::string& out, std::string_view line) const = 0;
    virtual void write(const Cue& cue, std::string& out) = 0;
    Style style_;
    Schedule schedule_;
};

constexpr auto kSrtCare = care_for("<>{");
constexpr auto kVttCare = care_for("<>&");

// There is no way to write these characters so that no player takes them for a tag: look-alikes of full width stand for
// them. Of > only the one of an arrow, also when what stood within it was dropped.
void append_srt(std::string& out, std::string_view text) {
    walk(out, text, kSrtCare, [&](char32_t c, std::string_view bytes) {
        if (c == '<') out += "\xEF\xBC\x9C";
        else if (c == '{') out += "\xEF\xBD\x9B";
        else if (c == '>' && out.ends_with("--")) out += "\xEF\xBC\x9E";
        else if (c == '\t') out += ' ';
        else if (!is_control(c) && !turns_text(c) && !ends_line(c)) out += bytes;
    });
}

class SrtWriter final : public CueWriter {
 public:
    using CueWriter::CueWriter;
    void begin_call(const store::Call&, std::string&) override {}

 private:
    std::string head(std::string_view speaker) const override {
        std::string out;
        append_srt(out, fmt::format("{}", fmt::join(lines_of(speaker), " ")));
        return out + ": ";
    }
    void append_text(std::string& out, std::string_view line) const override { append_srt(out, line); }
    void write(const Cue& cue, std::string& out) override {
        append_number(out, ++count_);
        out += '\n';
        append_cue_time(out, cue.start_ms, ',');
        out += " --> ";
        append_cue_time(out, cue.end_ms, ',');
        out += '\n';
        out += cue.text;
        out += '\n';
    }
    int count_ = 0;
};

void append_vtt(std::string& out, std::string_view text) {
    walk(out, text, kVttCare, [&](char32_t c, std::string_view bytes) {
        if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '&') out += "&amp;";
        else if (c == 0x200E) out += "&lrm;";
        else if (c == 0x200F) out += "&rlm;";
        else if (c == '\t') out += ' ';
        else if (!is_control(c) && !turns_text(c) && !ends_line(c)) out += bytes;
    });
}

class VttWriter final : public CueWriter {
 public:
    using CueWriter::CueWriter;

    void begin(std::string& out) override { out += "WEBVTT\n\n"; }
    // For import, which cannot know it otherwise.
    void begin_call(const store::Call& call, std::string& out) override {
        std::string note;
        note += "{\"room\":";
        append_json(note, call.room);
        note += fmt::format(",\"attempt\":{},\"startedAt\":\"{}\",\"speakers\":{{", call.attempt, format_time(call.started_at));
        bool later = false;
        for (const char* role : {"user", "agent"}) {
            const auto found = style().speaker_names.find(role);
            note += later ? ",\"" : "\"";
            note += role;
            note += "\":";
            append_json(note, found == style().speaker_names.end() ? role : std::string_view(found->second));
            later = true;
        }
        note += "}}";
        for (auto at = note.find('>'); at != std::string::npos; at = note.find('>', at)) note.replace(at, 1, "\\u003e");  // never an arrow
        out += "NOTE voicectl " + note + "\n\n";
    }

 private:
    std::string head(std::string_view speaker) const override {
        std::string out = "<v ";
        append_vtt(out, fmt::format("{}", fmt::join(lines_of(speaker), " ")));
        return out + ">";
    }
    void append_text(std::string& out, std::string_view line) const override { append_vtt(out, line); }
    void write(const Cue& cue, std::string& out) override {
        append_number(out, cue.sequence);
        out += '\n';
        append_cue_time(out, cue.start_ms, '.');
        out += " --> ";
        append_cue_time(out, cue.end_ms, '.');
        out += '\n';
        out += cue.text;
        out += '\n';
    }
};

}  // namespace

std::unique_ptr<Writer> create_srt(const Style& style) { return std::make_unique<SrtWriter>(style); }
std::unique_ptr<Writer> create_vtt(const Style& style) { return std::make_unique<VttWriter>(style); }

}  // namespace voicectl::transcript
