#include "voicectl/livekit/webhook_samples.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "livekit_webhook.pb.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook.h"
#include "webhook_forms.h"

namespace voicectl::livekit {
namespace {

using OrderedJson = nlohmann::ordered_json;
using std::chrono::seconds;

/// What the parts of one sample share.
struct Scene {
    const SampleOptions& options;

    std::int64_t at(seconds ago) const { return std::chrono::floor<seconds>((options.now - ago).time_since_epoch()).count(); }
    std::string second(seconds ago) const { return std::to_string(at(ago)); }
    std::string milli(seconds ago) const { return std::to_string(at(ago) * 1'000 + 606); }
    std::string nano(seconds ago) const { return std::to_string(at(ago) * 1'000'000'000 + 559'310'074); }
    /// Of LiveKit's form, and the same for the same name.
    std::string id(std::string_view prefix, std::string_view of) const {
        std::string out(prefix);
        for (const char c : webhook_hash(std::string(prefix) + std::string(of)))
            if (c != '+' && c != '/' && out.size() < prefix.size() + 12) out += c;
        return out;
    }
    std::string room_sid() const { return id("RM_", options.room); }
    std::string egress_id() const { return id("EG_", options.room); }
    std::string participant_sid() const { return id("PA_", options.room + '/' + options.participant); }
};

constexpr seconds kRoomAge{95}, kCallAge{90}, kRecordingAge{88};

OrderedJson sample_room(const Scene& scene, int people) {
    OrderedJson out{{"sid", scene.room_sid()}, {"name", scene.options.room}, {"emptyTimeout", 300}, {"departureTimeout", 20},
                    {"creationTime", scene.second(kRoomAge)}, {"creationTimeMs", scene.milli(kRoomAge)},
                    {"enabledCodecs", {{{"mime", "audio/PCMU"}}, {{"mime", "audio/PCMA"}}, {{"mime", "audio/opus"}}, {{"mime", "audio/red"}}}}};
    if (people > 0) out["numParticipants"] = people;
    return out;
}

OrderedJson sample_participant(const Scene& scene, const char* state) {
    return {{"sid", scene.participant_sid()}, {"identity", scene.options.participant}, {"state", state},
            {"joinedAt", scene.second(kCallAge)}, {"joinedAtMs", scene.milli(kCallAge)}, {"name", scene.options.participant}, {"version", 2},
            {"permission", {{"canSubscribe", true}, {"canPublish", true}, {"canPublishData", true}}}, {"clientProtocol", 2}};
}

OrderedJson sample_track(const Scene& scene) {
    return {{"sid", scene.id("TR_", scene.participant_sid())}, {"name", "microphone"}, {"source", "MICROPHONE"}, {"mimeType", "audio/red"}, {"mid", "0"},
            {"codecs", {{{"mimeType", "audio/red"}, {"mid", "0"}}}}, {"stream", "camera"}, {"audioFeatures", {"TF_NO_DTX"}}};
}

void put_result(const Scene& scene, OrderedJson& info, bool ended) {
    OrderedJson file{{"filename", fmt::format("{}.ogg", scene.options.room)}, {"startedAt", scene.nano(kRecordingAge)}};
    if (ended) {
        file.update({{"endedAt", scene.nano(seconds(1))}, {"duration", "87000000000"}, {"size", "1392640"},
                     {"location", fmt::format("https://recordings.s3.eu-central-1.amazonaws.com/{}.ogg", scene.options.room)}});
    }
    info["fileResults"] = {file};
    info["file"] = file;
}

OrderedJson sample_egress(const Scene& scene, const char* status) {
    const bool ended = status == std::string_view("EGRESS_COMPLETE");
    OrderedJson out{{"egressId", scene.egress_id()}, {"roomId", scene.room_sid()}, {"roomName", scene.options.room}, {"status", status},
                    {"startedAt", scene.nano(kRecordingAge)}, {"updatedAt", scene.nano(seconds(0))},
                    {"roomComposite", {{"roomName", scene.options.room}, {"audioOnly", true},
                                       {"fileOutputs", {{{"fileType", "OGG"}, {"filepath", fmt::format("{}.ogg", scene.options.room)}}}}}}};
    if (status != std::string_view("EGRESS_STARTING")) put_result(scene, out, ended);
    if (ended) {
        out["endedAt"] = scene.nano(seconds(1));
        out["details"] = "End reason: StopEgress API";
    }
    return out;
}

OrderedJson sample_ingress(const Scene& scene, const char* status) {
    const bool ended = status == std::string_view("ENDPOINT_COMPLETE");
    OrderedJson state{{"status", status}, {"roomId", scene.room_sid()}, {"startedAt", scene.nano(kCallAge)}};
    if (ended) state["endedAt"] = scene.nano(seconds(1));
    return {{"ingressId", scene.id("IN_", scene.options.room)}, {"name", "sample"}, {"inputType", "WHIP_INPUT"}, {"roomName", scene.options.room},
            {"participantIdentity", scene.options.participant}, {"participantName", scene.options.participant}, {"reusable", true}, {"state", state}};
}

OrderedJson sample_job(const Scene& scene, const char* status) {
    const bool ended = status == std::string_view("JS_SUCCESS");
    OrderedJson state{{"status", status}, {"startedAt", scene.nano(kCallAge)}, {"updatedAt", scene.nano(seconds(0))},
                      {"participantIdentity", "agent-" + scene.id("AJ_", scene.options.room)}, {"workerId", scene.id("AW_", "sample")}};
    if (ended) state["endedAt"] = scene.nano(seconds(0));
    return {{"id", scene.id("AJ_", scene.options.room)}, {"dispatchId", scene.id("AD_", scene.options.room)}, {"type", "JT_ROOM"},
            {"room", sample_room(scene, 1)}, {"agentName", "receptionist"}, {"state", state}};
}

// Tracks come with the least of their room and their participant.
void put_track(const Scene& scene, OrderedJson& out) {
    out["room"] = {{"sid", scene.room_sid()}, {"name", scene.options.room}};
    out["participant"] = {{"sid", scene.participant_sid()}, {"identity", scene.options.participant}};
    out["track"] = sample_track(scene);
}

void put_leaving(const Scene& scene, OrderedJson& out, const char* reason) {
    out["room"] = sample_room(scene, 1);
    out["participant"] = sample_participant(scene, "DISCONNECTED");
    out["participant"]["disconnectReason"] = reason;
}

struct Sample {
    const char* event;
    void (*fill)(const Scene& scene, OrderedJson& out);
};

constexpr Sample kSamples[]{
    {"room_started", [](const Scene& s, OrderedJson& out) { out["room"] = sample_room(s, 0); }},
    {"participant_joined",
     [](const Scene& s, OrderedJson& out) {
         out["room"] = sample_room(s, 1);
         out["participant"] = sample_participant(s, "ACTIVE");
     }},
    {"participant_connection_aborted", [](const Scene& s, OrderedJson& out) { put_leaving(s, out, "JOIN_FAILURE"); }},
    {"track_published", put_track},
    {"agent_job_started", [](const Scene& s, OrderedJson& out) { out["job"] = sample_job(s, "JS_RUNNING"); }},
    {"egress_started", [](const Scene& s, OrderedJson& out) { out["egressInfo"] = sample_egress(s, "EGRESS_STARTING"); }},
    {"egress_updated", [](const Scene& s, OrderedJson& out) { out["egressInfo"] = sample_egress(s, "EGRESS_ACTIVE"); }},
    {"egress_ended", [](const Scene& s, OrderedJson& out) { out["egressInfo"] = sample_egress(s, "EGRESS_COMPLETE"); }},
    {"ingress_started", [](const Scene& s, OrderedJson& out) { out["ingressInfo"] = sample_ingress(s, "ENDPOINT_PUBLISHING"); }},
    {"ingress_ended", [](const Scene& s, OrderedJson& out) { out["ingressInfo"] = sample_ingress(s, "ENDPOINT_COMPLETE"); }},
    {"track_unpublished", put_track},
    {"agent_job_ended", [](const Scene& s, OrderedJson& out) { out["job"] = sample_job(s, "JS_SUCCESS"); }},
    {"participant_left", [](const Scene& s, OrderedJson& out) { put_leaving(s, out, "CLIENT_INITIATED"); }},
    {"room_finished", [](const Scene& s, OrderedJson& out) { out["room"] = sample_room(s, 0); }},
};

std::string known_at(const google::protobuf::Descriptor& message) {
    std::string out;
    for (int i = 0; i < message.field_count(); ++i) out += (i == 0 ? "" : ", ") + message.field(i)->json_name();
    return out;
}

/// The name of a place within a message; "" for one that is not there, which `why` then tells.
std::string unknown_part(const std::vector<std::string>& path, std::string& known) {
    const auto* message = ::livekit::WebhookEvent::descriptor();
    for (const auto& name : path) {
        if (message == nullptr) return name;
        if (message->options().map_entry()) return {};
        const google::protobuf::FieldDescriptor* found = nullptr;
        for (int i = 0; i < message->field_count(); ++i)
            if (message->field(i)->json_name() == name) found = message->field(i);
        known = known_at(*message);
        if (found == nullptr) return name;
        message = found->message_type();
        if (found->is_repeated()) return {};  // lists and maps are given whole, or by key; the schema looks at the rest
    }
    return {};
}

bool fits_schema(const OrderedJson& json, ::livekit::WebhookEvent& event) {
    event.Clear();
    return google::protobuf::util::JsonStringToMessage(json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace), &event).ok();
}

// As text first: most fields are, and 64-bit numbers are written as text anyway.
Result<void> set_value(OrderedJson& json, const std::string& path, const std::string& value) {
    const auto refused = [&](std::string why, std::string hint) {
        return fail_with_hint(Errc::Usage, fmt::format("--set {}: {}", terminal_safe(path), why), std::move(hint));
    };
    const auto parts = split(path, '.');
    std::string known;
    if (const auto unknown = unknown_part(parts, known); !unknown.empty())
        return refused(fmt::format("there is no '{}' in the event", terminal_safe(unknown)), "there are: " + known);
    const auto place = [&](OrderedJson& whole) -> OrderedJson& {
        auto* at = &whole;
        for (const auto& part : parts) at = &(at->is_object() || at->is_null() ? (*at)[part] : (*at = OrderedJson::object())[part]);
        return *at;
    };
    ::livekit::WebhookEvent event;
    for (const auto& candidate : {OrderedJson(valid_utf8(value)), OrderedJson::parse(value, nullptr, false)}) {
        if (candidate.is_discarded()) continue;
        auto changed = json;
        place(changed) = candidate;
        if (!fits_schema(changed, event)) continue;
        json = std::move(changed);
        return {};
    }
    return refused(fmt::format("'{}' is no value for it", terminal_safe(value)), "numbers, true and false are written bare; lists and objects as JSON; names of states as the event has them");
}

}  // namespace

const std::vector<std::string>& webhook_events() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& one : kSamples) out.emplace_back(one.event);
        return out;
    }();
    return names;
}

Result<std::string> sample_event(std::string_view event, const SampleOptions& options) {
    const auto found = std::find_if(std::begin(kSamples), std::end(kSamples), [&](const Sample& one) { return one.event == event; });
    if (found == std::end(kSamples)) {
        return fail_with_hint(Errc::Usage, fmt::format("'{}' is no event of LiveKit", terminal_safe(event)),
                              fmt::format("there are: {}", fmt::join(webhook_events(), ", ")));
    }
    OrderedJson json{{"event", found->event}};
    found->fill(Scene{options}, json);
    json["id"] = "EV_" + random_id(12);
    json["createdAt"] = std::to_string(std::chrono::floor<seconds>(options.now.time_since_epoch()).count());
    for (const auto& [path, value] : options.set) VC_TRY(set_value(json, path, value));

    ::livekit::WebhookEvent message;
    std::string text;
    if (!fits_schema(json, message) || !google::protobuf::util::MessageToJsonString(message, &text).ok())
        return fail(Errc::Usage, "room or participant cannot be written as JSON");
    return in_declared_order(text);
}

}  // namespace voicectl::livekit
