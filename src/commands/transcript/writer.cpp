#include "commands/transcript/writer.h"

#include "commands/transcript/render.h"
#include "voicectl/base/json.h"

namespace voicectl::commands {
namespace {

std::string dump(const Json& json, int indent) {
    return json_text(json, indent);
}

class JsonWriter final : public TranscriptWriter {
 public:
    explicit JsonWriter(bool several) : several_(several) {}

    void begin(std::string& out) override {
        if (several_) out += "{\"transcripts\": [";
    }
    void begin_call(const store::Call& call, std::string& out) override {
        if (std::exchange(later_call_, true)) out += ",";
        if (several_) out += "\n";
        auto head = dump(call_json(call), 2);
        head.resize(head.rfind('\n'));  // without its last brace
        out += head + ",\n  \"turns\": [";
        later_turn_ = false;
    }
    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        out += std::exchange(later_turn_, true) ? ",\n    " : "\n    ";
        out += dump(turn_json(turn, call), -1);
    }
    void end_call(std::string& out) override { out += later_turn_ ? "\n  ]\n}" : "]\n}"; }
    void end(std::string& out) override { out += several_ ? "\n]}\n" : "\n"; }

 private:
    bool several_;
    bool later_call_ = false, later_turn_ = false;
};

class JsonLinesWriter final : public TranscriptWriter {
 public:
    void begin_call(const store::Call&, std::string&) override {}
    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        Json line{{"callId", call.id}, {"room", call.room}, {"attempt", call.attempt}};
        line.update(turn_json(turn, call));
        out += dump(line, -1) + "\n";
    }
};

class TextWriter final : public TranscriptWriter {
 public:
    void begin_call(const store::Call& call, std::string& out) override {
        if (std::exchange(later_call_, true)) out += "\n";
        out += call_heading(call) + "\n";
    }
    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        const auto shown = turn_text(turn, call);
        out += fmt::format("[{}] {}: {}{}\n", shown.time, shown.speaker, shown.text, turn.interrupted ? " [interrupted]" : "");
    }

 private:
    bool later_call_ = false;
};

}  // namespace

std::unique_ptr<TranscriptWriter> make_writer(const std::string& format, bool several) {
    if (format == "json") return std::make_unique<JsonWriter>(several);
    if (format == "jsonl") return std::make_unique<JsonLinesWriter>();
    if (format == "txt") return std::make_unique<TextWriter>();
    return nullptr;
}

}  // namespace voicectl::commands
