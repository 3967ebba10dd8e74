// JSON and JSON Lines, written straight into the buffer: the same fields as `transcript show --json`, at a fraction of
// what building them as values costs.
#include <utility>

#include "core/transcript/escape.h"
#include "core/transcript/parts.h"
#include "core/transcript/times.h"

namespace voicectl::transcript {
namespace {

void append_key(std::string& out, std::string_view key) {
    out += '"';
    out += key;
    out += "\":";
}

/// Fields of one object, one after the other. One owner, for as long as it is written.
class Fields {
 public:
    Fields(std::string& out, TimeText& times, std::string_view between) : out_(out), times_(times), between_(between) {}

    void text(std::string_view key, std::string_view value) { append_json(named(key), value); }
    void number(std::string_view key, std::int64_t value) { append_number(named(key), value); }
    void yes_no(std::string_view key, bool value) { named(key) += value ? "true" : "false"; }
    void nothing(std::string_view key) { named(key) += "null"; }
    void object(std::string_view key, const std::string& json) { append_json_object(named(key), json); }
    /// Under `key` as text, under `raw` as milliseconds since 1970.
    void time(std::string_view key, std::string_view raw, store::SystemTime value) {
        auto& out = named(key);
        out += '"';
        times_.append(out, value);
        out += '"';
        number(raw, unix_ms(value));
    }
    void no_time(std::string_view key, std::string_view raw) {
        nothing(key);
        nothing(raw);
    }

 private:
    std::string& named(std::string_view key) {
        if (std::exchange(later_, true)) out_ += between_;
        append_key(out_, key);
        return out_;
    }
    std::string& out_;
    TimeText& times_;
    std::string_view between_;
    bool later_ = false;
};

void write_call(Fields& to, const store::Call& call) {
    to.number("id", call.id);
    to.text("room", call.room);
    to.number("attempt", call.attempt);
    to.text("agentName", call.agent_name);
    to.text("jobId", call.job_id);
    to.text("callerIdentity", call.caller_identity);
    to.text("dispatchMetadata", call.dispatch_metadata);
    to.text("status", call.status);
    to.text("reason", call.reason);
    to.time("startedAt", "startedAtMs", call.started_at);
    if (call.ended_at) {
        to.time("endedAt", "endedAtMs", *call.ended_at);
        to.number("durationMs", ms_between(call.started_at, *call.ended_at));
    } else {
        to.no_time("endedAt", "endedAtMs");
        to.nothing("durationMs");
    }
    to.number("turnCount", call.turns);
}

void write_times(Fields& to, const store::Turn& turn, const store::Call& call) {
    if (is_known(turn.started_at)) to.time("startedAt", "startedAtMs", turn.started_at);
    else to.no_time("startedAt", "startedAtMs");
    if (is_known(turn.ended_at)) to.time("endedAt", "endedAtMs", turn.ended_at);
    else to.no_time("endedAt", "endedAtMs");
    if (is_known(turn.started_at)) to.number("offsetMs", ms_between(call.started_at, turn.started_at));
    else to.nothing("offsetMs");
    if (is_known(turn.started_at) && is_known(turn.ended_at)) to.number("durationMs", ms_between(turn.started_at, turn.ended_at));
    else to.nothing("durationMs");
}

void write_turn(Fields& to, const store::Turn& turn, const store::Call& call, const Style& style) {
    to.number("sequence", turn.sequence);
    to.text("speaker", role_of(turn));
    if (!style.speaker_names.empty()) to.text("speakerName", name_of(turn, style));
    to.text("identity", turn.identity);
    to.text("text", turn.text);
    write_times(to, turn, call);
    to.yes_no("interrupted", turn.interrupted);
    to.object("detail", turn.detail_json);
}

class JsonWriter final : public Writer {
 public:
    explicit JsonWriter(Style style) : style_(std::move(style)) {}

    void begin(std::string& out) override {
        if (style_.several) out += "{\"transcripts\": [";
    }
    void begin_call(const store::Call& call, std::string& out) override {
        if (std::exchange(later_call_, true)) out += ",";
        out += style_.several ? "\n{\n  " : "{\n  ";
        Fields fields(out, times_, ",\n  ");
        write_call(fields, call);
        out += ",\n  \"turns\": [";
        later_turn_ = false;
    }
    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        out += std::exchange(later_turn_, true) ? ",\n    {" : "\n    {";
        Fields fields(out, times_, ",");
        write_turn(fields, turn, call, style_);
        out += '}';
    }
    void end_call(std::string& out) override { out += later_turn_ ? "\n  ]\n}" : "]\n}"; }
    void end(std::string& out) override { out += style_.several ? "\n]}\n" : "\n"; }

 private:
    Style style_;
    TimeText times_;
    bool later_call_ = false, later_turn_ = false;
};

class JsonLinesWriter final : public Writer {
 public:
    explicit JsonLinesWriter(Style style) : style_(std::move(style)) {}

    void begin_call(const store::Call&, std::string&) override {}
    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        out += '{';
        Fields fields(out, times_, ",");
        fields.number("callId", call.id);
        fields.text("room", call.room);
        fields.number("attempt", call.attempt);
        write_turn(fields, turn, call, style_);
        out += "}\n";
    }

 private:
    Style style_;
    TimeText times_;
};

}  // namespace

std::unique_ptr<Writer> create_json(const Style& style) { return std::make_unique<JsonWriter>(style); }
std::unique_ptr<Writer> create_json_lines(const Style& style) { return std::make_unique<JsonLinesWriter>(style); }

}  // namespace voicectl::transcript
