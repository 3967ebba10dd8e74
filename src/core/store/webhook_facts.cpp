#include "core/store/webhook_facts.h"

#include <array>
#include <charconv>

#include "voicectl/base/json.h"

namespace voicectl::store {
namespace {

using nlohmann::json;

constexpr int kDeepestBody = 64;
constexpr int kDeepestMetadata = 32;

// protojson writes 64-bit numbers as texts, and leaves zeros out.
std::int64_t number_at(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) return 0;
    if (found->is_number_integer()) return found->get<std::int64_t>();
    const auto text = found->is_string() ? found->get<std::string>() : std::string();
    std::int64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

const json& object_at(const json& object, const char* key) {
    static const json kNone = json::object();
    const auto found = object.find(key);
    return found != object.end() && found->is_object() ? *found : kNone;
}

// What is empty is not said: it must not replace what is known.
void keep_text(json& patch, const char* name, const std::string& text) {
    if (!text.empty()) patch[name] = text;
}
void keep_number(json& patch, const char* name, std::int64_t number) {
    if (number != 0) patch[name] = number;
}

// An object is merged key by key, anything else is a text and replaced as one.
void keep_metadata(json& patch, const json& from) {
    const auto text = text_at(from, "metadata");
    if (text.empty()) return;
    auto parsed = parse_object(text, kDeepestMetadata);
    if (parsed) patch["metadata"] = std::move(*parsed);
    else patch["metadata"] = text;
}

std::string text_or(const json& from, const char* key, const char* otherwise) {
    auto text = text_at(from, key);
    return text.empty() ? otherwise : text;
}

/// Texts that compare as the numbers do.
std::string digits(std::int64_t number) { return fmt::format("{:020}", std::max<std::int64_t>(number, 0)); }

// Within one second: the order in which a server sends them.
int rank_of(const std::string& event) {
    constexpr std::array kOrder{"room_started",   "ingress_started",   "participant_joined", "track_published",    "agent_job_started",
                                "egress_started", "egress_updated",    "egress_ended",       "track_unpublished",  "agent_job_ended",
                                "ingress_ended",  "participant_left",  "participant_connection_aborted", "room_finished"};
    const auto found = std::find(kOrder.begin(), kOrder.end(), event);
    return static_cast<int>(found - kOrder.begin());
}

// How far an egress has come; only the last four are ends.
int egress_rank(const std::string& status) {
    if (status == "EGRESS_STARTING") return 0;
    if (status == "EGRESS_ACTIVE") return 1;
    if (status == "EGRESS_ENDING") return 2;
    return 3;
}

class FactReader {
 public:
    FactReader(const json& body, ParsedWebhook& out) : body_(body), out_(out) {}

    void read() {
        out_.event = text_at(body_, "event");
        out_.id = text_at(body_, "id");
        out_.created_at = number_at(body_, "createdAt");
        room(object_at(body_, "room"));
        participant(object_at(body_, "participant"));
        track(object_at(body_, "track"));
        egress(object_at(body_, "egressInfo"));
        ingress(object_at(body_, "ingressInfo"));
        job(object_at(body_, "job"));
    }

 private:
    bool is(const char* event) const { return out_.event == event; }
    std::int64_t created_ms() const { return out_.created_at * 1000; }

    /// By time, then by the order in which servers send.
    std::string by_time() const { return fmt::format("{}.{:02}.{}", digits(out_.created_at), rank_of(out_.event), out_.id); }
    /// By how far it has come: an end is an end, whatever the clocks say.
    std::string by_progress(int progress, std::int64_t time) const { return fmt::format("{:02}.{}.{}.{}", progress, digits(time), digits(out_.created_at), out_.id); }

    void add(const char* kind, std::string id, std::string version, json patch) {
        if (id.empty()) return;
        out_.facts.push_back({kind, std::move(id), out_.room, out_.room_sid, std::move(version), std::move(patch)});
    }

    void room(const json& from) {
        if (from.empty()) return;
        out_.room = text_at(from, "name");
        out_.room_sid = text_at(from, "sid");
        json patch = json::object();
        keep_text(patch, "sid", out_.room_sid);
        keep_text(patch, "name", out_.room);
        keep_metadata(patch, from);
        auto created = number_at(from, "creationTimeMs");
        if (created == 0) created = number_at(from, "creationTime") * 1000;
        keep_number(patch, "createdAtMs", created);
        keep_number(patch, "emptyTimeout", number_at(from, "emptyTimeout"));
        keep_number(patch, "departureTimeout", number_at(from, "departureTimeout"));
        keep_number(patch, "maxParticipants", number_at(from, "maxParticipants"));
        if (is("room_started")) patch["startedAtMs"] = created != 0 ? created : created_ms();
        if (is("room_finished")) patch["finishedAtMs"] = created_ms();
        add("room", out_.room_sid, by_time(), std::move(patch));
    }

    void participant(const json& from) {
        json patch = json::object();
        keep_text(patch, "sid", text_at(from, "sid"));
        keep_text(patch, "identity", text_at(from, "identity"));
        keep_text(patch, "name", text_at(from, "name"));
        keep_metadata(patch, from);
        if (const auto& attributes = object_at(from, "attributes"); !attributes.empty()) patch["attributes"] = attributes;
        keep_number(patch, "joinedAtMs", number_at(from, "joinedAt") * 1000);
        int progress = 1;  // of its tracks: only who it is
        if (is("participant_joined")) {
            patch["state"] = "joined";
            patch["joined"] = true;
        }
        const bool aborted = is("participant_connection_aborted");
        if (is("participant_left") || aborted) {
            progress = 2;
            patch["state"] = aborted ? "aborted" : "left";
            patch["leftAtMs"] = created_ms();
            patch["reason"] = text_or(from, "disconnectReason", "UNKNOWN_REASON");
        }
        if (patch.contains("state")) patch["kind"] = text_or(from, "kind", "STANDARD");
        add("participant", text_at(from, "sid"), by_progress(progress, out_.created_at), std::move(patch));
    }

    void track(const json& from) {
        const auto& owner = object_at(body_, "participant");
        json patch = json::object();
        keep_text(patch, "sid", text_at(from, "sid"));
        keep_text(patch, "name", text_at(from, "name"));
        patch["type"] = text_or(from, "type", "AUDIO");
        keep_text(patch, "source", text_at(from, "source"));
        keep_text(patch, "mimeType", text_at(from, "mimeType"));
        keep_text(patch, "participantSid", text_at(owner, "sid"));
        keep_text(patch, "identity", text_at(owner, "identity"));
        const bool over = is("track_unpublished");
        patch[over ? "unpublishedAtMs" : "publishedAtMs"] = created_ms();
        patch["state"] = over ? "unpublished" : "published";
        add("track", text_at(from, "sid"), by_progress(over ? 2 : 1, out_.created_at), std::move(patch));
    }

    static json files_of(const json& from) {
        json out = json::array();
        for (const char* list : {"fileResults", "segmentResults", "imageResults"}) {
            const auto found = from.find(list);
            if (found == from.end() || !found->is_array()) continue;
            for (const auto& one : *found) {
                if (!one.is_object()) continue;
                json file = json::object();
                keep_text(file, "filename", text_at(one, "filename"));
                for (const char* name : {"location", "playlistLocation", "startLocation"})
                    if (!file.contains("location")) keep_text(file, "location", text_at(one, name));
                keep_number(file, "durationMs", number_at(one, "duration") / 1'000'000);
                keep_number(file, "size", number_at(one, "size"));
                if (!file.empty()) out.push_back(std::move(file));
            }
        }
        return out;
    }

    void egress(const json& from) {
        if (from.empty()) return;
        out_.room = text_at(from, "roomName");
        out_.room_sid = text_at(from, "roomId");
        const auto status = text_or(from, "status", "EGRESS_STARTING");
        json patch{{"egressId", text_at(from, "egressId")}, {"status", status}};
        keep_text(patch, "room", out_.room);
        keep_text(patch, "roomSid", out_.room_sid);
        keep_number(patch, "startedAtMs", number_at(from, "startedAt") / 1'000'000);
        keep_number(patch, "endedAtMs", number_at(from, "endedAt") / 1'000'000);
        keep_text(patch, "error", text_at(from, "error"));
        keep_text(patch, "details", text_at(from, "details"));
        keep_text(patch, "manifestLocation", text_at(from, "manifestLocation"));
        if (auto files = files_of(from); !files.empty()) patch["files"] = std::move(files);
        if (is("egress_started")) patch["started"] = true;
        add("egress", text_at(from, "egressId"), by_progress(egress_rank(status), number_at(from, "updatedAt")), std::move(patch));
    }

    void ingress(const json& from) {
        if (from.empty()) return;
        const auto& state = object_at(from, "state");
        out_.room = text_at(from, "roomName");
        out_.room_sid = text_at(state, "roomId");
        json patch{{"ingressId", text_at(from, "ingressId")}, {"state", is("ingress_ended") ? "ended" : "started"}};
        keep_text(patch, "name", text_at(from, "name"));
        keep_text(patch, "room", out_.room);
        keep_text(patch, "identity", text_at(from, "participantIdentity"));
        keep_text(patch, "error", text_at(state, "error"));
        keep_number(patch, "startedAtMs", number_at(state, "startedAt") / 1'000'000);
        keep_number(patch, "endedAtMs", number_at(state, "endedAt") / 1'000'000);
        add("ingress", text_at(from, "ingressId"), by_progress(is("ingress_ended") ? 2 : 1, out_.created_at), std::move(patch));
    }

    void job(const json& from) {
        if (from.empty()) return;
        const auto& where = object_at(from, "room");
        if (out_.room.empty()) out_.room = text_at(where, "name");
        if (out_.room_sid.empty()) out_.room_sid = text_at(where, "sid");
        json patch{{"id", text_at(from, "id")}, {"state", is("agent_job_ended") ? "ended" : "started"}};
        keep_text(patch, "agentName", text_at(from, "agentName"));
        add("job", text_at(from, "id"), by_progress(is("agent_job_ended") ? 2 : 1, out_.created_at), std::move(patch));
    }

    const json& body_;
    ParsedWebhook& out_;
};

}  // namespace

Result<ParsedWebhook> parse_webhook(std::string_view body) {
    const auto parsed = parse_object(body, kDeepestBody);
    if (!parsed) return fail(Errc::Rejected, "the body {}", parsed.error());
    ParsedWebhook out;
    FactReader(*parsed, out).read();
    if (out.id.empty() || out.event.empty()) return fail(Errc::Rejected, "the body is no event: it has no {}", out.id.empty() ? "id" : "event");
    return out;
}

Result<WebhookEvent> parse_webhook_event(std::string body) {
    VC_TRY_ASSIGN(auto parsed, parse_webhook(body));
    WebhookEvent out;
    out.id = std::move(parsed.id);
    out.event = std::move(parsed.event);
    out.room = std::move(parsed.room);
    out.room_sid = std::move(parsed.room_sid);
    out.created_at = SystemTime(std::chrono::seconds(std::clamp<std::int64_t>(parsed.created_at, 0, 1LL << 33)));
    out.body = std::move(body);
    return out;
}

}  // namespace voicectl::store
