// What LiveKit is told of a job: its record, without secrets.
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>
#include <vector>

#include "voicectl/egress/judge.h"
#include "voicectl/livekit/json.h"
#include "voicectl/livekit/wire_time.h"

namespace voicectl::egress {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using livekit::proto::EgressInfo;

struct Secret {
    std::string_view owner, field, placeholder;
};
// LiveKit's own placeholders; of the proxy, whose login LiveKit's own leaves in clear, ours.
constexpr std::array kSecrets{
    Secret{"S3Upload", "access_key", "{access_key}"},         Secret{"S3Upload", "secret", "{secret}"},
    Secret{"S3Upload", "session_token", "{session_token}"},   Secret{"S3Upload", "assume_role_external_id", "{external_id}"},
    Secret{"GCPUpload", "credentials", "{credentials}"},      Secret{"AzureBlobUpload", "account_name", "{account_name}"},
    Secret{"AzureBlobUpload", "account_key", "{account_key}"}, Secret{"AliOSSUpload", "access_key", "{access_key}"},
    Secret{"AliOSSUpload", "secret", "{secret}"},             Secret{"ProxyConfig", "username", "{username}"},
    Secret{"ProxyConfig", "password", "{password}"},
};
// What a newer schema adds to them may be a secret too.
constexpr std::array<std::string_view, 8> kHoldSecrets{"S3Upload",      "GCPUpload",         "AzureBlobUpload",  "AliOSSUpload",
                                                       "StorageConfig", "EncodedFileOutput", "DirectFileOutput", "ProxyConfig"};

// rtmp://login@host/app/key?… without login, key and query; of mux://key nothing is left.
std::string without_stream_key(const std::string& url) {
    auto out = livekit::without_secrets(url);
    out.resize(std::min(out.find('?'), out.size()));
    const auto slash = out.rfind('/');
    return slash == std::string::npos ? "{stream_key}" : out.substr(0, slash + 1) + "{stream_key}";
}

std::string shown(const FieldDescriptor& field, const std::string& text) {
    if (text.empty()) return text;
    const auto& owner = field.containing_type()->name();
    const auto& name = field.name();
    for (const auto& one : kSecrets)
        if (one.owner == owner && one.field == name) return std::string(one.placeholder);
    if ((owner == "StreamOutput" && name == "urls") || (owner == "StreamDestination" && name == "url")) return without_stream_key(text);
    if (name == "websocket_url" || name == "endpoint" || (owner == "ProxyConfig" && name == "url")) return livekit::without_secrets(text);
    return text;
}

void redact_texts(Message& message, const FieldDescriptor& field) {
    const auto& reflect = *message.GetReflection();
    if (!field.is_repeated()) return reflect.SetString(&message, &field, shown(field, reflect.GetString(message, &field)));
    for (int i = 0; i < reflect.FieldSize(message, &field); ++i)
        reflect.SetRepeatedString(&message, &field, i, shown(field, reflect.GetRepeatedString(message, &field, i)));
}

struct Echo {
    EgressInfo& info;
    void operator()(std::monostate) const {}
    void operator()(livekit::proto::RoomCompositeEgressRequest& one) const { info.mutable_room_composite()->Swap(&one); }
    void operator()(livekit::proto::WebEgressRequest& one) const { info.mutable_web()->Swap(&one); }
    void operator()(livekit::proto::ParticipantEgressRequest& one) const { info.mutable_participant()->Swap(&one); }
    void operator()(livekit::proto::TrackCompositeEgressRequest& one) const { info.mutable_track_composite()->Swap(&one); }
    void operator()(livekit::proto::TrackEgressRequest& one) const { info.mutable_track()->Swap(&one); }
    void operator()(livekit::proto::StartEgressRequest& one) const { info.mutable_egress()->Swap(&one); }
};

}  // namespace

void redact(Message& message) {
    const auto& reflect = *message.GetReflection();
    if (std::find(kHoldSecrets.begin(), kHoldSecrets.end(), message.GetDescriptor()->name()) != kHoldSecrets.end())
        reflect.MutableUnknownFields(&message)->Clear();
    std::vector<const FieldDescriptor*> fields;
    reflect.ListFields(message, &fields);
    for (const auto* field : fields) {
        if (field->is_map()) continue;  // S3's metadata: for everybody who may see the object
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) redact_texts(message, *field);
        if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
        if (!field->is_repeated()) redact(*reflect.MutableMessage(&message, field));
        else
            for (int i = 0; i < reflect.FieldSize(message, field); ++i) redact(*reflect.MutableRepeatedMessage(&message, field, i));
    }
}

livekit::EgressRequest redact(livekit::EgressRequest request) {
    request.token.clear();
    std::visit(
        [](auto& one) {
            if constexpr (requires { one.GetDescriptor(); }) redact(static_cast<Message&>(one));
        },
        request.what);
    return request;
}

EgressInfo first_info(const livekit::EgressRequest& request, std::chrono::system_clock::time_point now) {
    EgressInfo info;
    auto safe = redact(request);
    info.set_egress_id(request.egress_id);
    info.set_room_id(request.room_id);
    info.set_room_name(request.room_name);
    std::visit(
        [&info](const auto& one) {
            if constexpr (requires { one.room_name(); })
                if (!one.room_name().empty()) info.set_room_name(one.room_name());
        },
        request.what);
    info.set_source_type(livekit::proto::EGRESS_SOURCE_TYPE_SDK);
    info.set_status(livekit::proto::EGRESS_STARTING);
    info.set_started_at(livekit::to_nanoseconds(now));
    info.set_updated_at(livekit::to_nanoseconds(now));
    info.set_retry_count(request.retry_count);
    std::visit(Echo{info}, safe.what);
    return info;
}

}  // namespace voicectl::egress
