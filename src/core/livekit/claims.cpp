#include "claims.h"

#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "livekit_room.pb.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

using OrderedJson = nlohmann::ordered_json;
using std::chrono::system_clock;

constexpr int kDeepest = 2000;  // anybody may send a token, and writing JSON recurses; the server takes up to 10,000

std::unexpected<Error> wrong_type(std::string_view claim, std::string_view wanted) {
    return fail(Errc::Protocol, "claim '{}' is not {}", claim, wanted);
}

/// Readers of one JSON value each; absent and null never get here.
Result<void> read(const OrderedJson& value, std::string_view claim, std::string& out) {
    if (!value.is_string()) return wrong_type(claim, "a string");
    out = value.get<std::string>();
    return {};
}

Result<void> read(const OrderedJson& value, std::string_view claim, bool& out) {
    if (!value.is_boolean()) return wrong_type(claim, "true or false");
    out = value.get<bool>();
    return {};
}

template<class T>
Result<void> read(const OrderedJson& value, std::string_view claim, std::optional<T>& out) {
    T inner{};
    VC_TRY(read(value, claim, inner));
    out = std::move(inner);
    return {};
}

// Seconds since 1970 as a number, or as a string that holds one. What no 64-bit integer can hold is
// long past, because the server's conversion wraps round.
Result<void> read(const OrderedJson& value, std::string_view claim, std::optional<SystemTime>& out) {
    double seconds = 0;
    if (value.is_number()) {
        seconds = value.get<double>();
    } else if (value.is_string()) {
        const auto text = value.get<std::string>();
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(seconds)) return wrong_type(claim, "a time");
    } else {
        return wrong_type(claim, "a time");
    }
    constexpr double kInteger = 9.2e18;
    constexpr double kClock = 9.2e9;  // what system_clock can hold
    if (std::abs(seconds) > kInteger) seconds = -kClock;
    seconds = std::clamp(std::floor(seconds), -kClock, kClock);
    out = SystemTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
    return {};
}

Result<void> read(const OrderedJson& value, std::string_view claim, std::vector<std::string>& out) {
    if (!value.is_array()) return wrong_type(claim, "a list of strings");
    for (const auto& item : value) {
        auto& text = out.emplace_back();
        if (!item.is_null()) VC_TRY(read(item, claim, text));
    }
    return {};
}

Result<void> read(const OrderedJson& value, std::string_view claim, std::map<std::string, std::string>& out) {
    if (!value.is_object()) return wrong_type(claim, "an object of strings");
    for (const auto& [name, item] : value.items()) {
        auto& text = out[name];
        if (!item.is_null()) VC_TRY(read(item, claim, text));
    }
    return {};
}

using Reader = std::function<Result<void>(const OrderedJson& value, std::string_view claim)>;
using Readers = std::vector<std::pair<std::string_view, Reader>>;

template<class T>
std::pair<std::string_view, Reader> into(std::string_view name, T& target) {
    return {name, [&target](const OrderedJson& value, std::string_view claim) { return read(value, claim, target); }};
}

Result<void> read_object(const OrderedJson& object, std::string_view whole, const Readers& readers) {
    if (!object.is_object()) return wrong_type(whole, "an object");
    for (const auto& [name, value] : object.items()) {
        if (value.is_null()) continue;
        const auto folded = to_lower_ascii(name);
        for (const auto& [known, reader] : readers)
            if (to_lower_ascii(known) == folded) VC_TRY(reader(value, known));
    }
    return {};
}

std::pair<std::string_view, Reader> object(std::string_view name, Readers readers) {
    return {name, [readers = std::move(readers)](const OrderedJson& value, std::string_view claim) {
                return read_object(value, claim, readers);
            }};
}

Result<void> read_audience(const OrderedJson& value, std::string_view claim) {
    std::vector<std::string> ignored;
    if (value.is_string()) return {};
    return read(value, claim, ignored);
}

Result<void> read_room_config(const OrderedJson& value, std::string_view claim, std::string& out) {
    if (!value.is_object()) return wrong_type(claim, "an object");
    google::protobuf::util::JsonParseOptions lenient;
    lenient.ignore_unknown_fields = true;
    ::livekit::RoomConfiguration config;
    out = value.dump();
    const auto status = google::protobuf::util::JsonStringToMessage(out, &config, lenient);
    if (!status.ok()) return wrong_type(claim, "a room configuration");
    return {};
}

Readers video_readers(VideoGrant& video) {
    return {into("roomCreate", video.room_create),
            into("roomList", video.room_list),
            into("roomRecord", video.room_record),
            into("roomAdmin", video.room_admin),
            into("roomJoin", video.room_join),
            into("ingressAdmin", video.ingress_admin),
            into("hidden", video.hidden),
            into("recorder", video.recorder),
            into("agent", video.agent),
            into("room", video.room),
            into("destinationRoom", video.destination_room),
            into("canPublish", video.can_publish),
            into("canSubscribe", video.can_subscribe),
            into("canPublishData", video.can_publish_data),
            into("canPublishSources", video.can_publish_sources),
            into("canUpdateOwnMetadata", video.can_update_own_metadata),
            into("canSubscribeMetrics", video.can_subscribe_metrics),
            into("canManageAgentSession", video.can_manage_agent_session)};
}

std::int64_t seconds_of(SystemTime time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

template<class T>
void put(OrderedJson& object, const char* name, const T& value) {
    if (value != T{}) object[name] = value;
}
template<class T>
void put(OrderedJson& object, const char* name, const std::optional<T>& value) {
    if (value) object[name] = *value;
}

OrderedJson video_json(const VideoGrant& video) {
    OrderedJson out = OrderedJson::object();
    put(out, "roomCreate", video.room_create);
    put(out, "roomList", video.room_list);
    put(out, "roomRecord", video.room_record);
    put(out, "roomAdmin", video.room_admin);
    put(out, "roomJoin", video.room_join);
    put(out, "room", video.room);
    put(out, "destinationRoom", video.destination_room);
    put(out, "canPublish", video.can_publish);
    put(out, "canSubscribe", video.can_subscribe);
    put(out, "canPublishData", video.can_publish_data);
    put(out, "canPublishSources", video.can_publish_sources);
    put(out, "canUpdateOwnMetadata", video.can_update_own_metadata);
    put(out, "canSubscribeMetrics", video.can_subscribe_metrics);
    put(out, "canManageAgentSession", video.can_manage_agent_session);
    put(out, "ingressAdmin", video.ingress_admin);
    put(out, "hidden", video.hidden);
    put(out, "recorder", video.recorder);
    put(out, "agent", video.agent);
    return out;
}

void put_object(OrderedJson& out, const char* name, std::initializer_list<std::pair<const char*, bool>> flags) {
    for (const auto& [flag, set] : flags)
        if (set) out[name][flag] = true;
}

}  // namespace

Result<Claims> parse_claims(std::string_view payload) {
    // The JSON library takes a byte-order mark and ends at a zero byte; the server does neither.
    if (payload.starts_with("\xEF\xBB\xBF") || payload.find('\0') != std::string_view::npos)
        return fail(Errc::Protocol, "the claims are not JSON");
    bool too_deep = false;
    const auto not_deep = [&](int depth, OrderedJson::parse_event_t, OrderedJson&) { return !(too_deep = too_deep || depth > kDeepest); };
    const auto json = OrderedJson::parse(valid_utf8(payload), not_deep, false);
    if (too_deep) return fail(Errc::Protocol, "the claims are nested too deeply");
    if (json.is_discarded() || !json.is_object()) return fail(Errc::Protocol, "the claims are not a JSON object");

    Claims claims;
    std::string id, ignored;
    const Readers readers{
        into("iss", claims.issuer),
        into("sub", claims.identity),
        into("jti", id),
        {"aud", read_audience},
        into("nbf", claims.not_before),
        into("exp", claims.expires),
        into("iat", claims.issued_at),
        into("identity", ignored),
        into("name", claims.name),
        into("metadata", claims.metadata),
        into("attributes", claims.attributes),
        into("kind", claims.kind),
        into("kindDetails", claims.kind_details),
        into("sha256", claims.sha256),
        into("roomPreset", claims.room_preset),
        {"roomConfig", [&](const OrderedJson& value, std::string_view claim) { return read_room_config(value, claim, claims.room_config_json); }},
        object("video", video_readers(claims.video)),
        object("sip", {into("admin", claims.sip_admin), into("call", claims.sip_call)}),
        object("agent", {into("admin", claims.agent_admin), into("simulationAdmin", claims.agent_simulation_admin)}),
        object("inference", {into("perform", claims.inference_perform)}),
        object("observability", {into("write", claims.observability_write)})};
    VC_TRY(read_object(json, "payload", readers));
    if (claims.identity.empty()) claims.identity = id;
    return claims;
}

OrderedJson to_json(const Claims& claims) {
    OrderedJson out = OrderedJson::object();
    put(out, "iss", claims.issuer);
    put(out, "sub", claims.identity);
    if (claims.issued_at) out["iat"] = seconds_of(*claims.issued_at);
    if (claims.not_before) out["nbf"] = seconds_of(*claims.not_before);
    if (claims.expires) out["exp"] = seconds_of(*claims.expires);
    put(out, "name", claims.name);
    put(out, "metadata", claims.metadata);
    put(out, "attributes", claims.attributes);
    put(out, "kind", claims.kind);
    put(out, "kindDetails", claims.kind_details);
    if (claims.video != VideoGrant{}) out["video"] = video_json(claims.video);
    put_object(out, "sip", {{"admin", claims.sip_admin}, {"call", claims.sip_call}});
    put_object(out, "agent", {{"admin", claims.agent_admin}, {"simulationAdmin", claims.agent_simulation_admin}});
    put_object(out, "inference", {{"perform", claims.inference_perform}});
    put_object(out, "observability", {{"write", claims.observability_write}});
    put(out, "sha256", claims.sha256);
    put(out, "roomPreset", claims.room_preset);
    if (!claims.room_config_json.empty()) out["roomConfig"] = OrderedJson::parse(claims.room_config_json, nullptr, false);
    return out;
}

}  // namespace voicectl::livekit
