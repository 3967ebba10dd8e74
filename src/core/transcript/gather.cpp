#include "voicectl/transcript/gather.h"

#include <algorithm>

#include "core/transcript/times.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

constexpr int kDeepestPacket = 8;

// What is said, whatever its commas, capitals and blanks.
std::string plain_words(std::string_view text) {
    std::string out;
    for (const char c : to_lower_ascii(text))
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) out += c;
    return out;
}

Result<store::Turn> turn_of_packet(std::string_view text) {
    const auto json = parse_object(text, kDeepestPacket);
    if (!json) return fail(Errc::Protocol, "a transcript packet {}", json.error());
    store::Turn turn;
    const auto speaker = text_at(*json, "speaker");
    const auto began = parse_others_time(text_at(*json, "startedAt")), ended = parse_others_time(text_at(*json, "endedAt"));
    const auto sequence = json->find("sequence");
    if ((speaker != "agent" && speaker != "user") || !json->contains("text") || !began || !ended || sequence == json->end() || !sequence->is_number_integer())
        return fail(Errc::Protocol, "a transcript packet lacks speaker, text, sequence or times");
    turn.sequence = static_cast<int>(std::clamp<std::int64_t>(sequence->get<std::int64_t>(), 0, 1'000'000'000));
    turn.speaker = speaker == "agent" ? store::Speaker::Agent : store::Speaker::User;
    turn.identity = text_at(*json, "identity");
    turn.text = text_at(*json, "text");
    turn.started_at = *began;
    turn.ended_at = *ended;
    turn.interrupted = json->value("interrupted", nlohmann::json()) == true;
    nlohmann::json detail{{"source", "packet"}};
    if (json->value("truncated", nlohmann::json()) == true) detail["truncated"] = true;
    turn.detail_json = json_text(detail);
    return turn;
}

}  // namespace

void Gatherer::add_agent(const std::string& identity) {
    if (agents_.insert(identity).second) ++version_;
}

Gatherer::Said& Gatherer::place_of(const Segment& segment, Time at) {
    auto key = segment.id.empty() ? std::string() : fmt::format("{}\n{}", segment.identity, segment.id);
    if (const auto known = places_.find(key); !key.empty() && known != places_.end()) return said_[known->second];
    if (!key.empty()) places_.emplace(std::move(key), said_.size());
    auto& made = said_.emplace_back();
    made.segment = segment;
    made.segment.text.clear();
    made.first_at = at;
    return made;
}

void Gatherer::add_piece(const Segment& segment, std::uint64_t stream, Time at) {
    if (segment.id.empty()) return;  // its end could not be told to belong to it
    ++version_;
    auto& said = place_of(segment, at);
    if (std::exchange(said.stream, stream) != stream) said.open.clear();
    said.open += segment.text;
    said.last_at = at;
    streams_.insert(segment.identity);
}

Gatherer::News Gatherer::add(const Segment& segment, Time at) {
    ++version_;
    auto& said = place_of(segment, at);
    said.segment.text = segment.text;
    said.segment.final = said.segment.final || segment.final;
    said.open.clear();
    said.last_at = at;
    if (!segment.old_form) streams_.insert(segment.identity);
    if (!said.segment.final || said.shown || said.segment.text.empty() || is_doubled(said) || told_by_packet(said)) return {};
    said.shown = true;
    return to_turn(said);
}

// The packet came first.
bool Gatherer::told_by_packet(Said& said) {
    if (said.claimed) return true;
    const auto plain = plain_words(said.text());
    for (auto packet = packets_.rbegin(); packet != packets_.rend(); ++packet) {
        if (packet->claims || packet->turn.identity != said.segment.identity || packet->plain.find(plain) == std::string::npos) continue;
        said.claimed = true;
        packet->claims = packet->plain == plain;
        return true;
    }
    return false;
}

// One segment that says just that, else all that say a part of it. True when one of them was shown.
bool Gatherer::claim(Packet& packet) {
    std::vector<Said*> parts;
    for (auto& one : said_) {
        if (one.claimed || one.segment.identity != packet.turn.identity) continue;
        const auto plain = plain_words(one.text());
        if (plain == packet.plain) {
            parts = {&one};
            packet.claims = true;
            break;
        }
        if (!plain.empty() && packet.plain.find(plain) != std::string::npos) parts.push_back(&one);
    }
    for (auto* one : parts) one->claimed = true;
    return std::any_of(parts.begin(), parts.end(), [](const Said* one) { return one->shown; });
}

Result<Gatherer::News> Gatherer::add_packet(std::string_view json) {
    VC_TRY_ASSIGN(auto turn, turn_of_packet(json));
    const auto key = fmt::format("{}\n{}", turn.sequence, turn.identity);
    const auto [place, fresh] = packet_places_.emplace(key, packets_.size());
    ++version_;
    if (!fresh) {  // told once more, as by an agent that came back
        packets_[place->second].turn = std::move(turn);
        return News();
    }
    auto& packet = packets_.emplace_back(Packet{turn, plain_words(turn.text), false});
    return claim(packet) ? News() : News(std::move(turn));
}

bool Gatherer::is_doubled(const Said& said) const {
    return said.segment.old_form && streams_.contains(said.segment.identity);
}

store::Turn Gatherer::to_turn(const Said& said) const {
    store::Turn turn;
    turn.speaker = agents_.contains(said.segment.identity) ? store::Speaker::Agent : store::Speaker::User;
    turn.identity = said.segment.identity;
    turn.text = said.text();
    turn.started_at = said.first_at;
    turn.ended_at = said.last_at;
    nlohmann::json detail{{"source", said.segment.old_form ? "transcription" : "stream"}};
    if (!said.segment.final) detail["final"] = false;
    turn.detail_json = json_text(detail);
    return turn;
}

std::vector<store::Turn> Gatherer::turns() const {
    std::vector<store::Turn> out;
    for (const auto& one : packets_) out.push_back(one.turn);
    for (const auto& one : said_)
        if (!one.claimed && !is_doubled(one) && !one.text().empty()) out.push_back(to_turn(one));
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.started_at < b.started_at; });
    for (std::size_t i = 0; i < out.size(); ++i) out[i].sequence = static_cast<int>(i);
    return out;
}

}  // namespace voicectl::transcript
