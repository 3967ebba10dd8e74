#include "commands/room/event_json.h"

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using rtc::ParticipantKind;
using rtc::Quality;
using rtc::TrackSource;

constexpr std::string_view kTranscriptionTopic = "lk.transcription";

Json attributes_json(const std::map<std::string, std::string>& attributes) {
    Json out = Json::object();
    for (const auto& [key, value] : attributes) out[key] = value;
    return out;
}

// A payload is text when it reads as text; else, base64. Both fields are always there.
void add_payload(Json& out, const std::string& bytes) {
    const bool text = valid_utf8(bytes) == bytes && bytes.find('\0') == std::string::npos;
    out["payload"] = text ? Json(bytes) : Json();
    out["payloadBase64"] = text ? Json() : Json(base64_encode(bytes));
}

std::string attribute(const rtc::TextMessage& message, const char* key) {
    const auto found = message.attributes.find(key);
    return found == message.attributes.end() ? std::string() : found->second;
}

std::string_view to_string(Quality quality) {
    switch (quality) {
        case Quality::Poor: return "poor";
        case Quality::Good: return "good";
        case Quality::Excellent: return "excellent";
        case Quality::Lost: break;
    }
    return "lost";
}

// What a person wants to see first, by kind of event; the rest follows as key=value.
std::string summary(const Json& event) {
    const auto text = [&](const char* key) { return event.contains(key) ? scalar_text(event[key]) : std::string(); };
    std::string out = text("identity");
    for (const char* key : {"name", "text", "payload", "payloadBase64", "digit", "reason", "file", "quality"}) {
        const auto value = text(key);
        if (!value.empty()) out += (out.empty() ? "" : "  ") + value;
    }
    return out;
}

bool is_shown_already(const std::string& key) {
    for (const char* one : {"event", "time", "identity", "name", "text", "payload", "payloadBase64", "digit", "reason", "file", "quality", "sid", "metadata"})
        if (key == one) return true;
    return false;
}

}  // namespace

std::string_view to_string(ParticipantKind kind) {
    switch (kind) {
        case ParticipantKind::Standard: return "standard";
        case ParticipantKind::Ingress: return "ingress";
        case ParticipantKind::Egress: return "egress";
        case ParticipantKind::Sip: return "sip";
        case ParticipantKind::Agent: return "agent";
        case ParticipantKind::Other: break;
    }
    return "other";
}

std::string_view to_string(TrackSource source) {
    switch (source) {
        case TrackSource::Camera: return "camera";
        case TrackSource::Microphone: return "microphone";
        case TrackSource::ScreenShare: return "screen_share";
        case TrackSource::ScreenShareAudio: return "screen_share_audio";
        case TrackSource::Unknown: break;
    }
    return "unknown";
}

Json event_json(std::string_view kind) {
    return {{"event", kind}, {"time", format_time(std::chrono::system_clock::now())}};
}

Json joined_json(const rtc::Participant& who, bool present) {
    auto out = event_json("joined");
    out["identity"] = who.identity;
    out["sid"] = who.sid;
    out["name"] = who.name;
    out["kind"] = to_string(who.kind);
    out["metadata"] = who.metadata;
    out["attributes"] = attributes_json(who.attributes);
    out["present"] = present;
    return out;
}

Json left_json(const rtc::Participant& who) {
    auto out = event_json("left");
    out["identity"] = who.identity;
    out["sid"] = who.sid;
    out["kind"] = to_string(who.kind);
    out["reason"] = who.left_because.empty() ? "unknown" : who.left_because;
    return out;
}

std::vector<Json> changes_json(const rtc::Participant& before, const rtc::Participant& after) {
    std::vector<Json> out;
    if (before.attributes != after.attributes) {
        auto& event = out.emplace_back(event_json("attributes"));
        event["identity"] = after.identity;
        event["changed"] = Json::object();
        for (const auto& [key, value] : after.attributes)
            if (const auto old = before.attributes.find(key); old == before.attributes.end() || old->second != value) event["changed"][key] = value;
        for (const auto& [key, value] : before.attributes)
            if (!after.attributes.contains(key)) event["changed"][key] = nullptr;
        event["attributes"] = attributes_json(after.attributes);
    }
    if (before.metadata != after.metadata) {
        auto& event = out.emplace_back(event_json("metadata"));
        event["identity"] = after.identity;
        event["metadata"] = after.metadata;
    }
    if (before.name != after.name) {
        auto& event = out.emplace_back(event_json("name"));
        event["identity"] = after.identity;
        event["name"] = after.name;
    }
    return out;
}

Json track_json(std::string_view kind, const rtc::TrackInfo& track) {
    auto out = event_json(kind);
    out["identity"] = track.participant_identity;
    out["sid"] = track.sid;
    out["name"] = track.name;
    out["kind"] = track.audio ? "audio" : "video";
    out["source"] = to_string(track.source);
    out["muted"] = track.muted;
    out["codec"] = track.codec;
    return out;
}

Json speakers_json(const std::vector<std::string>& identities) {
    auto out = event_json("speakers");
    out["identities"] = Json(identities);
    return out;
}

Json quality_json(const std::string& identity, Quality quality) {
    auto out = event_json("quality");
    out["identity"] = identity;
    out["quality"] = to_string(quality);
    return out;
}

Json permissions_json(const std::string& identity, const rtc::Permissions& permissions) {
    auto out = event_json("permissions");
    out["identity"] = identity;
    out["canSubscribe"] = permissions.can_subscribe;
    out["canPublish"] = permissions.can_publish;
    out["canPublishData"] = permissions.can_publish_data;
    out["canUpdateMetadata"] = permissions.can_update_metadata;
    out["hidden"] = permissions.hidden;
    out["canPublishSources"] = Json::array();
    for (const auto source : permissions.can_publish_sources) out["canPublishSources"].push_back(to_string(source));
    return out;
}

Json data_json(const rtc::DataPacket& packet) {
    auto out = event_json("data");
    out["identity"] = packet.sender_identity;
    out["topic"] = packet.topic;
    out["size"] = packet.payload.size();
    add_payload(out, packet.payload);
    return out;
}

Json text_json(const rtc::TextMessage& message) {
    const bool transcription = message.topic == kTranscriptionTopic;
    auto out = event_json(transcription ? "transcription" : "text");
    out["identity"] = message.sender_identity;
    if (transcription) {
        out["segment"] = attribute(message, "lk.segment_id");
        out["trackSid"] = attribute(message, "lk.transcribed_track_id");
        out["final"] = attribute(message, "lk.transcription_final") != "false";
    } else {
        out["topic"] = message.topic;
    }
    out["text"] = message.text;
    out["attributes"] = attributes_json(message.attributes);
    return out;
}

Json bytes_json(const rtc::ByteMessage& message) {
    constexpr std::size_t kShown = 15000;  // as much as one data packet has
    auto out = event_json("bytes");
    out["identity"] = message.sender_identity;
    out["topic"] = message.topic;
    out["name"] = message.name;
    out["mimeType"] = message.mime_type;
    out["size"] = message.bytes.size();
    add_payload(out, message.bytes.substr(0, message.bytes.size() <= kShown ? std::string::npos : 0));
    out["attributes"] = attributes_json(message.attributes);
    return out;
}

std::vector<Json> transcription_json(const rtc::Transcription& packet) {
    std::vector<Json> out;
    for (const auto& segment : packet.segments) {
        auto& event = out.emplace_back(event_json("transcription"));
        event["identity"] = packet.participant_identity;
        event["segment"] = segment.id;
        event["trackSid"] = packet.track_sid;
        event["final"] = segment.final;
        event["text"] = segment.text;
        event["language"] = segment.language;
        event["attributes"] = Json::object();
    }
    return out;
}

Json dtmf_json(const rtc::Dtmf& key) {
    auto out = event_json("dtmf");
    out["identity"] = key.sender_identity;
    out["digit"] = key.digit;
    out["code"] = key.code;
    return out;
}

Json stats_json(const rtc::Statistics& statistics, const std::map<std::string, rtc::TrackInfo>& tracks) {
    auto out = event_json("stats");
    const auto round = [](double value) { return static_cast<double>(static_cast<std::int64_t>(value * 100)) / 100; };
    const auto optional = [&](const std::optional<double>& value) { return value ? Json(round(*value)) : Json(); };
    out["path"] = statistics.path.empty() ? Json() : Json(statistics.path);
    out["roundTripMs"] = optional(statistics.round_trip_ms);
    out["tracks"] = Json::array();
    for (const auto& one : statistics.tracks) {
        const auto known = tracks.find(one.track_sid);
        out["tracks"].push_back({{"direction", one.outgoing ? "out" : "in"},
                                 {"kind", one.kind},
                                 {"sid", one.track_sid},
                                 {"identity", known == tracks.end() ? "" : known->second.participant_identity},
                                 {"name", known == tracks.end() ? "" : known->second.name},
                                 {"packets", one.packets},
                                 {"bytes", one.bytes},
                                 {"packetsLost", one.packets_lost},
                                 {"jitterMs", round(one.jitter_ms)},
                                 {"roundTripMs", optional(one.round_trip_ms)},
                                 {"samples", one.samples},
                                 {"concealedSamples", one.concealed_samples}});
    }
    return out;
}

std::string event_line(const Json& event) {
    const auto time = scalar_text(event["time"]);
    auto out = fmt::format("{}  {:<17} {}", time.size() > 23 ? time.substr(11, 12) : time, scalar_text(event["event"]), terminal_safe(summary(event)));
    for (const auto& [key, value] : event.items()) {
        if (is_shown_already(key) || value.is_null() || (value.is_structured() && value.empty()) || scalar_text(value).empty()) continue;
        out += fmt::format("  {}={}", key, terminal_safe(scalar_text(value)));
    }
    return out;
}

}  // namespace voicectl::commands
