// livekit-agents' session report: SessionReport.to_dict() (voice/report.py of 1.8) around ChatContext.to_dict()
// (llm/chat_context.py), and such a chat history alone.
#include <array>
#include <cmath>
#include <map>

#include "core/transcript/import_json.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;

/// Seconds in livekit-agents' metrics, and what our own turns call them.
constexpr std::array<std::pair<const char*, const char*>, 5> kLatencies{{{"e2e_latency", "answerLatencyMs"},
                                                                       {"end_of_turn_delay", "endOfTurnMs"},
                                                                       {"transcription_delay", "sttMs"},
                                                                       {"llm_node_ttft", "llmMs"},
                                                                       {"tts_node_ttfb", "ttsMs"}}};

class ReportReader {
 public:
    ReportReader(Imported& out, LeftOut& left_out) : out_(out), left_out_(left_out) {}

    Result<void> read(const json& items) {
        for (const auto& item : items) VC_TRY(take(item));
        if (!tools_.empty()) hang_on_last();
        return {};
    }

 private:
    Result<void> take(const json& item) {
        if (!item.is_object()) return fail(Errc::Usage, "an item of the chat history is no object");
        const auto type = text_at(item, "type");
        if (type == "message" || (type.empty() && item.contains("role"))) return message(item);
        if (type == "function_call") call(item);
        else if (type == "function_call_output") output(item);
        else left_out_.add(type.empty() ? "items without a type" : terminal_safe(type.substr(0, 60)));
        return {};
    }

    Result<void> message(const json& item) {
        const auto role = text_at(item, "role");
        if (role == "system" || role == "developer") {
            left_out_.add("instructions to the model");
            return {};
        }
        if (role != "user" && role != "assistant") return at_line(item, fmt::format("a message of the role '{}'", terminal_safe(role.substr(0, 60))));
        store::Turn turn;
        turn.sequence = static_cast<int>(out_.turns.size());
        turn.speaker = role == "assistant" ? store::Speaker::Agent : store::Speaker::User;
        VC_TRY_ASSIGN(turn.text, text_of(item));
        turn.interrupted = item.value("interrupted", json()) == true;
        read_times(item, turn);
        read_detail(item, turn);
        out_.turns.push_back(std::move(turn));
        return {};
    }

    // Strings, and what else may stand between them: images, sound with its transcript, marks for caches.
    Result<std::string> text_of(const json& item) {
        const auto content = item.find("content");
        if (content == item.end()) return at_line(item, "a message has no content");
        if (content->is_string()) return content->get<std::string>();
        if (!content->is_array()) return at_line(item, "the content of a message is no list");
        std::string out;
        for (const auto& part : *content) {
            auto text = part.is_string() ? part.get<std::string>() : part.is_object() ? text_at(part, "transcript") : std::string();
            if (!part.is_string() && text.empty()) left_out_.add(part.is_object() ? terminal_safe(text_at(part, "type").substr(0, 60)) + " in messages" : "content of an unknown kind");
            if (!text.empty()) out += (out.empty() ? "" : "\n") + text;
        }
        return out;
    }

    void read_times(const json& item, store::Turn& turn) const {
        const auto metrics = item.value("metrics", json::object());
        std::optional<store::SystemTime> began, ended;
        if (metrics.is_object()) {
            began = time_of_seconds(metrics, "started_speaking_at");
            ended = time_of_seconds(metrics, "stopped_speaking_at");
        }
        if (!began) began = time_of_seconds(item, "created_at");
        turn.started_at = began.value_or(store::SystemTime{});
        turn.ended_at = ended && began && *ended >= *began ? *ended : store::SystemTime{};
    }

    void read_detail(const json& item, store::Turn& turn) {
        json detail = json::object();
        const auto metrics = item.value("metrics", json::object());
        for (const auto& [theirs, ours] : kLatencies)
            if (const auto found = metrics.is_object() ? metrics.find(theirs) : metrics.end(); found != metrics.end() && found->is_number()) detail[ours] = std::llround(found->get<double>() * 1000);
        if (const auto sure = item.find("transcript_confidence"); sure != item.end() && sure->is_number()) detail["confidence"] = *sure;
        if (const auto id = text_at(item, "id"); !id.empty()) detail["itemId"] = id;
        if (turn.speaker == store::Speaker::Agent && !tools_.empty()) detail["tools"] = std::exchange(tools_, json::array());
        calls_.clear();
        if (!detail.empty()) turn.detail_json = json_text(detail);
    }

    void call(const json& item) {
        auto arguments = json::parse(text_at(item, "arguments"), nullptr, false);
        if (arguments.is_discarded()) arguments = text_at(item, "arguments");
        calls_[text_at(item, "call_id")] = tools_.size();
        tools_.push_back({{"tool", text_at(item, "name")}, {"outcome", "unknown"}, {"arguments", std::move(arguments)}});
    }

    void output(const json& item) {
        const auto found = calls_.find(text_at(item, "call_id"));
        if (found == calls_.end() || found->second >= tools_.size()) return left_out_.add("function_call_output without its call");
        auto& tool = tools_[found->second];
        tool["outcome"] = item.value("is_error", json()) == true ? "error" : "ok";
        tool["result"] = text_at(item, "output");
    }

    // The agent said nothing after it.
    void hang_on_last() {
        for (auto turn = out_.turns.rbegin(); turn != out_.turns.rend(); ++turn) {
            if (turn->speaker != store::Speaker::Agent) continue;
            auto detail = json::parse(turn->detail_json, nullptr, false);
            if (!detail.is_object()) detail = json::object();
            auto& list = detail["tools"];
            if (!list.is_array()) list = json::array();
            for (auto& one : tools_) list.push_back(std::move(one));
            turn->detail_json = json_text(detail);
            return;
        }
        left_out_.add("function_call without a turn of the agent", tools_.size());
    }

    Imported& out_;
    LeftOut& left_out_;
    json tools_ = json::array();                // since the agent's last turn
    std::map<std::string, std::size_t> calls_;  // where in tools_, by call_id
};

void read_head(const json& root, Imported& out, LeftOut& left_out) {
    auto& call = out.call;
    call.room = text_at(root, "room");
    call.job_id = text_at(root, "job_id");
    call.agent_name = text_at(root, "agent_name");
    call.reason = text_at(root, "close_reason");
    call.status = call.reason == "CR_ERROR" ? "failed" : "completed";
    const auto ended = time_of_seconds(root, "timestamp");
    if (ended) call.ended_at = *ended;
    if (const auto length = root.find("duration_ms"); ended && length != root.end() && length->is_number_integer() && *length >= 0)
        call.started_at = *ended - std::chrono::milliseconds(std::min<std::int64_t>(length->get<std::int64_t>(), 10'000'000'000));
    left_out.unknown_keys(root, "the report",
                          {"room", "job_id", "agent_name", "close_reason", "timestamp", "duration_ms", "chat_history", "items", "user_turns"});
}

}  // namespace

Result<ImportResult> parse_session_report(const json& root, const ImportHints& hints) {
    const bool whole = root.contains("chat_history");
    ImportResult out{whole ? "session report" : "chat history", {}, {}};
    const auto history = whole ? root["chat_history"] : root;
    if (!history.is_object()) return at_line(root, "chat_history is no object");
    const auto items = history.find("items");
    if (items == history.end() || !items->is_array()) return at_line(history, "the chat history has no list of items");
    LeftOut left_out;
    auto& one = out.calls.emplace_back();
    read_head(root, one, left_out);
    VC_TRY(ReportReader(one, left_out).read(*items));
    if (!hints.room.empty()) one.call.room = hints.room;
    if (hints.started_at) one.call.started_at = *hints.started_at;
    for (const auto& turn : one.turns)
        if (!is_known(one.call.started_at)) one.call.started_at = turn.started_at;
    out.left_out = left_out.remarks();
    return out;
}

}  // namespace voicectl::transcript
