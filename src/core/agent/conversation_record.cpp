#include "conversation_record.h"

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMost = 200;
constexpr std::size_t kLongestText = 4000;  // bytes

bool of_agent(const store::Turn& turn) { return turn.speaker == store::Speaker::Agent; }

std::string first_bytes(const std::string& text, std::size_t limit) {
    if (text.size() <= limit) return text;
    auto end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
    return text.substr(0, end);
}

Json packet(const store::Turn& turn, const std::string& text) {
    Json out{{"sequence", turn.sequence},
             {"speaker", of_agent(turn) ? "agent" : "user"},
             {"identity", turn.identity},
             {"text", text},
             {"startedAt", format_time(turn.started_at)},
             {"endedAt", format_time(turn.ended_at)},
             {"interrupted", turn.interrupted}};
    if (text.size() < turn.text.size()) out["truncated"] = true;
    return out;
}

}  // namespace

Json to_chat_item(const store::Turn& turn) {
    using Seconds = std::chrono::duration<double>;
    return {{"id", fmt::format("item_{}", turn.sequence)},
            {"type", "message"},
            {"role", of_agent(turn) ? "assistant" : "user"},
            {"content", Json::array({first_bytes(turn.text, kLongestText)})},
            {"interrupted", turn.interrupted},
            {"created_at", std::chrono::duration_cast<Seconds>(turn.started_at.time_since_epoch()).count()}};
}

std::string to_transcript_packet(const store::Turn& turn, std::size_t limit) {
    auto out = json_text(packet(turn, turn.text));
    // What JSON makes of a text may be longer than it: shorter until it fits.
    for (auto size = std::min(turn.text.size(), limit); out.size() > limit && size > 0; size = size * 3 / 4)
        out = json_text(packet(turn, first_bytes(turn.text, size * 3 / 4)));
    return out;
}

void ConversationRecord::add(const store::Turn& turn) {
    if (items_.size() >= kMost) items_.pop_front();
    items_.push_back(to_chat_item(turn));
}

Json ConversationRecord::items(std::size_t limit) const {
    constexpr std::size_t kFrame = 16;  // {"items":[]} and commas
    auto first = items_.end();
    std::size_t size = kFrame;
    while (first != items_.begin()) {
        size += json_text(*std::prev(first)).size() + 1;
        if (size > limit) break;
        --first;
    }
    return {{"items", Json(std::vector<Json>(first, items_.end()))}};
}

}  // namespace voicectl::agent
