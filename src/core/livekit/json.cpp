// LiveKit's messages as JSON by reflection: the one place that knows how a field is shown and which
// fields are secret.
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::livekit {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kMask = "***";

// By name, whatever message they stand in: a new message with a password must not slip through.
constexpr std::array<std::string_view, 13> kSecretFields{
    "turn_password", "secret",     "session_token", "credentials", "account_key",             "password",    "auth_password",
    "stream_key",    "token",      "api_secret",    "access_key",  "assume_role_external_id", "access_token"};

bool is_secret(const FieldDescriptor& field) {
    return std::find(kSecretFields.begin(), kSecretFields.end(), field.name()) != kSecretFields.end();
}

// The last part of a stream's path is its key, unless the server has masked it: rtmp://host/app/{abc...xyz}.
bool is_stream_url(const FieldDescriptor& field) {
    const auto& owner = field.containing_type()->name();
    const auto& name = field.name();
    return (owner == "StreamOutput" && name == "urls") || (name == "url" && (owner == "StreamInfo" || owner == "StreamDestination")) ||
           (owner == "UpdateStreamRequest" && name.ends_with("_output_urls")) || (owner == "UpdateEgressRequest" && name.ends_with("_stream_urls"));
}

// https://user:password@proxy: what stands between the scheme and the last @ before the path.
std::string without_login(const std::string& url) {
    const auto scheme = url.find("://");
    if (scheme == std::string::npos) return url;
    const auto host = scheme + 3;
    const auto at = url.substr(0, url.find_first_of("/?#", host)).rfind('@');
    return at == std::string::npos || at < host ? url : url.substr(0, host) + kMask + url.substr(at);
}

std::string without_key(const std::string& given) {
    const auto url = without_login(given);
    const auto scheme = url.find("://");
    if (scheme == std::string::npos) return url.empty() ? url : kMask;
    const auto path = url.substr(0, url.find_first_of("?#"));  // a / of the query begins no key
    const auto slash = path.rfind('/');
    if (slash <= scheme + 2 || slash + 1 == path.size() || path[slash + 1] == '{') return path;
    return path.substr(0, slash + 1) + kMask;
}

// Addresses that others hand out with a login or a token in them, by the fields in which they stand.
bool is_address(const FieldDescriptor& field) {
    constexpr std::array<std::string_view, 4> kOwners{"WebEgressRequest", "WebSource", "WebhookConfig", "UpdateEgressRequest"};
    const auto& name = field.name();
    if (name == "websocket_url" || name == "custom_base_url" || name == "endpoint") return true;
    return name == "url" && std::find(kOwners.begin(), kOwners.end(), field.containing_type()->name()) != kOwners.end();
}

// "turnPassword" and "turn_password" alike.
std::string snake_case(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && !out.empty()) out += '_';
        out += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

bool is_secret_name(std::string_view name) {
    return std::find(kSecretFields.begin(), kSecretFields.end(), snake_case(name)) != kSecretFields.end();
}

// Where a stream goes: the last part of such an address is its key.
bool is_stream_address(std::string_view text) {
    constexpr std::array<std::string_view, 5> kSchemes{"rtmp://", "rtmps://", "srt://", "mux://", "twitch://"};
    return std::any_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view scheme) { return to_lower_ascii(text.substr(0, scheme.size())) == scheme; });
}

// What the egress service puts in place of a secret: {access_key}.
bool is_placeholder(std::string_view text) {
    return text.size() < 32 && text.starts_with('{') && text.ends_with('}') &&
           text.substr(1, text.size() - 2).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

std::string shown_text(const FieldDescriptor& field, const std::string& text) {
    if (secrets_shown()) return field.type() == FieldDescriptor::TYPE_BYTES ? base64_encode(text) : valid_utf8(text);
    if (is_stream_url(field)) return without_key(text);
    if (is_address(field)) return valid_utf8(without_secrets(text));
    if (field.containing_type()->name() == "ProxyConfig" && field.name() == "url") return without_login(text);
    if (!text.empty() && is_secret(field)) return is_placeholder(text) ? text : kMask;
    return field.type() == FieldDescriptor::TYPE_BYTES ? base64_encode(text) : valid_utf8(text);
}

OrderedJson number(double value) {
    if (std::isfinite(value)) return value;
    return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

OrderedJson well_known(const Message& message, bool& known) {
    known = true;
    if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
        using std::chrono::system_clock;
        const auto since = std::chrono::seconds(time->seconds()) + std::chrono::milliseconds(time->nanos() / 1'000'000);
        return format_time(system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since)));
    }
    if (const auto* span = dynamic_cast<const google::protobuf::Duration*>(&message))
        return fmt::format("{}s", static_cast<double>(span->seconds()) + span->nanos() / 1e9);
    known = false;
    return {};
}

/// One value of a field: element `index` of a repeated one, or the only one (index < 0).
OrderedJson value_json(const Message& message, const FieldDescriptor& field, int index) {
    const Reflection& reflect = *message.GetReflection();
    const bool many = index >= 0;
    std::string scratch;
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32: return many ? reflect.GetRepeatedInt32(message, &field, index) : reflect.GetInt32(message, &field);
        case FieldDescriptor::CPPTYPE_UINT32: return many ? reflect.GetRepeatedUInt32(message, &field, index) : reflect.GetUInt32(message, &field);
        case FieldDescriptor::CPPTYPE_INT64: return many ? reflect.GetRepeatedInt64(message, &field, index) : reflect.GetInt64(message, &field);
        case FieldDescriptor::CPPTYPE_UINT64: return many ? reflect.GetRepeatedUInt64(message, &field, index) : reflect.GetUInt64(message, &field);
        case FieldDescriptor::CPPTYPE_BOOL: return many ? reflect.GetRepeatedBool(message, &field, index) : reflect.GetBool(message, &field);
        case FieldDescriptor::CPPTYPE_FLOAT:
            return number(static_cast<double>(many ? reflect.GetRepeatedFloat(message, &field, index) : reflect.GetFloat(message, &field)));
        case FieldDescriptor::CPPTYPE_DOUBLE:
            return number(many ? reflect.GetRepeatedDouble(message, &field, index) : reflect.GetDouble(message, &field));
        case FieldDescriptor::CPPTYPE_ENUM: {
            const int value = many ? reflect.GetRepeatedEnumValue(message, &field, index) : reflect.GetEnumValue(message, &field);
            const auto* known = field.enum_type()->FindValueByNumber(value);
            return known != nullptr ? OrderedJson(known->name()) : OrderedJson(value);
        }
        case FieldDescriptor::CPPTYPE_STRING:
            return shown_text(field, many ? reflect.GetRepeatedStringReference(message, &field, index, &scratch)
                                          : reflect.GetStringReference(message, &field, &scratch));
        case FieldDescriptor::CPPTYPE_MESSAGE:
            return to_json(many ? reflect.GetRepeatedMessage(message, &field, index) : reflect.GetMessage(message, &field));
    }
    return {};
}

OrderedJson map_json(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflect = *message.GetReflection();
    const auto& entry = *field.message_type();
    std::map<std::string, OrderedJson> sorted;  // the wire has no order
    for (int i = 0; i < reflect.FieldSize(message, &field); ++i) {
        const auto& pair = reflect.GetRepeatedMessage(message, &field, i);
        const auto key = value_json(pair, *entry.map_key(), -1);
        sorted[key.is_string() ? key.get<std::string>() : key.dump()] = value_json(pair, *entry.map_value(), -1);
    }
    OrderedJson out = OrderedJson::object();
    for (auto& [key, value] : sorted) out[key] = std::move(value);
    return out;
}

OrderedJson field_json(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflect = *message.GetReflection();
    if (field.is_map()) return map_json(message, field);
    if (field.is_repeated()) {
        OrderedJson out = OrderedJson::array();
        for (int i = 0; i < reflect.FieldSize(message, &field); ++i) out.push_back(value_json(message, field, i));
        return out;
    }
    if (field.has_presence() && !reflect.HasField(message, &field)) return nullptr;
    return value_json(message, field, -1);
}

}  // namespace

void mask_secrets(OrderedJson& json) {
    if (secrets_shown()) return;
    for (auto& [name, value] : json.items()) {
        if (value.is_structured()) mask_secrets(value);
        else if (!value.is_string() || value.get_ref<const std::string&>().empty()) continue;
        else if (json.is_object() && is_secret_name(name)) value = kMask;
        else if (is_stream_address(value.get_ref<const std::string&>())) value = without_key(value.get<std::string>());
        else if (json.is_object() && snake_case(name) == "websocket_url") value = without_secrets(value.get<std::string>());
        else value = without_login(value.get<std::string>());
    }
}

std::string without_secrets(const std::string& url) {
    const auto shown = without_login(url);
    const auto query = shown.find('?');
    return query == std::string::npos ? shown : shown.substr(0, query + 1) + kMask;
}

OrderedJson to_json(const Message& message) {
    bool known = false;
    if (auto simple = well_known(message, known); known) return simple;
    OrderedJson out = OrderedJson::object();
    const auto& descriptor = *message.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
        const auto& field = *descriptor.field(i);
        // Of several that exclude each other, only the one that is there: the rest says nothing.
        if (field.real_containing_oneof() != nullptr && !message.GetReflection()->HasField(message, &field)) continue;
        out[field.json_name()] = field_json(message, field);
    }
    return out;
}

}  // namespace voicectl::livekit
