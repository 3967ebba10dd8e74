#include "core/store/webhook_view.h"

#include <algorithm>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

using nlohmann::json;

json time_or_null(const json& from, const char* key) {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_number_integer()) return nullptr;
    return format_time(SystemTime(std::chrono::milliseconds(found->get<std::int64_t>())));
}

// Milliseconds become a time that can be read.
json with_times(json value) {
    for (const char* name : {"createdAt", "startedAt", "finishedAt", "endedAt", "joinedAt", "leftAt", "publishedAt", "unpublishedAt"}) {
        const auto raw = std::string(name) + "Ms";
        if (!value.contains(raw)) continue;
        value[name] = time_or_null(value, raw.c_str());
        value.erase(raw);
    }
    return value;
}

// By when it began and then by its id: the same list whatever came first.
void sort_parts(json& list, const char* time, const char* id) {
    std::sort(list.begin(), list.end(), [&](const json& a, const json& b) {
        const auto left = text_at(a, time), right = text_at(b, time);
        return left != right ? left < right : text_at(a, id) < text_at(b, id);
    });
}

json recording_json(const json& egress) {
    auto out = with_times(egress);
    const auto recording = recording_of(egress);
    out["location"] = recording.location;
    out["durationMs"] = recording.duration.count();
    out["size"] = recording.size;
    return out;
}

bool has(const json& object, const char* key) { return object.contains(key) && !object[key].is_null(); }

bool is_end(const std::string& status) { return status != "EGRESS_STARTING" && status != "EGRESS_ACTIVE" && status != "EGRESS_ENDING"; }

std::string status_of(const json& room) {
    if (has(room, "finishedAtMs")) return "finished";
    return room.is_object() ? "active" : "unknown";
}

}  // namespace

Recording recording_of(const json& egress) {
    Recording out;
    out.egress_id = text_at(egress, "egressId");
    out.room = text_at(egress, "room");
    out.room_sid = text_at(egress, "roomSid");
    out.status = text_at(egress, "status");
    out.error = text_at(egress, "error");
    const auto time = [&](const char* key) -> std::optional<SystemTime> {
        if (!has(egress, key)) return {};
        return SystemTime(std::chrono::milliseconds(egress[key].get<std::int64_t>()));
    };
    out.started_at = time("startedAtMs");
    out.ended_at = time("endedAtMs");
    for (const auto& file : egress.value("files", json::array())) {
        if (out.location.empty()) out.location = text_at(file, "location");
        out.duration += std::chrono::milliseconds(file.value("durationMs", std::int64_t{0}));
        out.size += file.value("size", std::int64_t{0});
    }
    if (out.location.empty()) out.location = text_at(egress, "manifestLocation");
    return out;
}

json call_view(const json& room, const std::vector<WebhookPart>& parts) {
    auto out = room.is_object() ? with_times(room) : json::object();
    out["status"] = status_of(room);
    for (const char* name : {"startedAt", "finishedAt"})
        if (!out.contains(name)) out[name] = nullptr;
    for (const char* list : {"participants", "tracks", "recordings", "ingress", "jobs"}) out[list] = json::array();
    for (const auto& part : parts) {
        if (part.kind == "participant") out["participants"].push_back(with_times(part.value));
        if (part.kind == "track") out["tracks"].push_back(with_times(part.value));
        if (part.kind == "egress") out["recordings"].push_back(recording_json(part.value));
        if (part.kind == "ingress") out["ingress"].push_back(with_times(part.value));
        if (part.kind == "job") out["jobs"].push_back(part.value);
    }
    sort_parts(out["participants"], "joinedAt", "sid");
    sort_parts(out["tracks"], "publishedAt", "sid");
    sort_parts(out["recordings"], "startedAt", "egressId");
    sort_parts(out["ingress"], "startedAt", "ingressId");
    sort_parts(out["jobs"], "", "id");
    if (!out.contains("metadata")) out["metadata"] = json::object();
    // Who keeps the recording's id there himself is right.
    if (out["metadata"].is_object() && !out["metadata"].contains("egress_id") && !out["recordings"].empty())
        out["metadata"]["egress_id"] = out["recordings"].back()["egressId"];
    out["gaps"] = find_gaps(out);
    return out;
}

json find_gaps(const json& view) {
    json out = json::array();
    const auto missing = [&](const char* event, const char* key, const json& of) { out.push_back({{"missing", event}, {key, text_at(of, key)}}); };
    const bool finished = view["status"] == "finished";
    if (view.contains("sid") && !has(view, "startedAt")) missing("room_started", "sid", view);
    std::vector<std::string> over;
    for (const auto& one : view["participants"]) {
        const auto state = text_at(one, "state");
        if (state != "aborted" && !one.contains("joined")) missing("participant_joined", "sid", one);
        if (state != "left" && state != "aborted" && finished) missing("participant_left", "sid", one);
        if (finished || state == "left") over.push_back(text_at(one, "sid"));
    }
    for (const auto& one : view["tracks"]) {
        if (!has(one, "publishedAt")) missing("track_published", "sid", one);
        const bool owner_left = std::find(over.begin(), over.end(), text_at(one, "participantSid")) != over.end();
        if (!has(one, "unpublishedAt") && (finished || owner_left)) missing("track_unpublished", "sid", one);
    }
    for (const auto& one : view["recordings"]) {
        if (!one.contains("started")) missing("egress_started", "egressId", one);
        if (finished && !is_end(text_at(one, "status"))) missing("egress_ended", "egressId", one);
    }
    return out;
}

}  // namespace voicectl::store
