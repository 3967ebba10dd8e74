#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>

#include "commands/egress/request.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/egress/names.h"

namespace voicectl::commands {
namespace {

using namespace livekit::proto;
using egress::known_templates;
using egress::Recorded;

constexpr std::array<std::string_view, 6> kTypes{"room-composite", "web", "participant", "track-composite", "track", "unified"};

// Only the place: the text itself may hold keys.
std::string place_of(const std::string& text, std::size_t byte) {
    const auto before = std::string_view(text).substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto column = before.size() - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
    return fmt::format("line {}, column {}", line, column);
}

Result<Json> parsed(const std::string& text) {
    try {
        auto value = Json::parse(text);
        if (!value.is_object()) return fail(Errc::Usage, "the request is no JSON object");
        return value;
    } catch (const Json::parse_error& error) {
        return fail(Errc::Usage, "the request is no JSON: {}", place_of(text, error.byte));
    }
}

std::string_view guessed_type(const Json& json) {
    const auto has = [&json](const char* camel, const char* snake) { return json.contains(camel) || json.contains(snake); };
    if (has("outputs", "outputs") || has("template", "web") || has("media", "media")) return "unified";
    if (has("url", "url")) return "web";
    if (has("identity", "identity")) return "participant";
    if (has("trackId", "track_id")) return "track";
    if (has("audioTrackId", "audio_track_id") || has("videoTrackId", "video_track_id")) return "track-composite";
    return "room-composite";
}

template<class Request>
Result<StartRequest> read_as(const std::string& text, std::string_view type) {
    Request request;
    const auto status = google::protobuf::util::JsonStringToMessage(text, &request);
    if (status.ok()) return request;
    auto reason = terminal_safe(redact(std::string_view(status.message().data(), status.message().size())));
    return fail_with_hint(Errc::Usage, fmt::format("the request is no {} request: {}", type, reason.substr(0, 300)),
                          "--type says of which kind it is; the fields are those of LiveKit's API");
}

template<class Request>
void add_doubts(const Request& request, bool video, const std::vector<std::string_view>& known, std::vector<std::string>& out) {
    const auto check = [&](const std::string& path) {
        for (const auto& one : unknown_templates(path, known))
            out.push_back(fmt::format("'{}' in a path is no template of this kind of egress, so it stays as it is; there are {{{}}}", one, fmt::join(known, "} {")));
    };
    for (const auto& file : request.file_outputs()) {
        check(file.filepath());
        if (video && (file.file_type() == OGG || file.file_type() == MP3))
            out.push_back(fmt::format("'{}' holds no video, and egress services refuse it without --audio-only", file.filepath()));
    }
    for (const auto& one : request.segment_outputs()) check(one.filename_prefix());
    for (const auto& one : request.image_outputs()) check(one.filename_prefix());
}

struct Doubts {
    std::vector<std::string> out;
    std::vector<std::string_view> known = known_templates(Recorded::Room);

    void operator()(const RoomCompositeEgressRequest& request) { add_doubts(request, !request.audio_only(), known, out); }
    void operator()(const WebEgressRequest& request) { add_doubts(request, !request.audio_only(), known, out); }
    void operator()(const ParticipantEgressRequest& request) {
        known = known_templates(Recorded::Participant);
        add_doubts(request, true, known, out);
    }
    void operator()(const TrackCompositeEgressRequest& request) {
        known = known_templates(Recorded::Participant);
        add_doubts(request, !request.video_track_id().empty(), known, out);
    }
    void operator()(const TrackEgressRequest& request) {
        known = known_templates(Recorded::Track);
        check(request.file().filepath());
    }
    void operator()(const StartEgressRequest& request) {
        for (const auto& one : request.outputs()) {
            check(one.file().filepath());
            check(one.segments().filename_prefix());
            check(one.images().filename_prefix());
        }
    }
    void check(const std::string& path) {
        for (const auto& one : unknown_templates(path, known)) out.push_back(fmt::format("'{}' in a path is no template of this kind of egress, so it stays as it is", one));
    }
};

}  // namespace

Result<StartRequest> request_from_json(const std::string& text, const std::string& type) {
    VC_TRY_ASSIGN(const auto json, parsed(text));
    const auto chosen = type.empty() ? guessed_type(json) : std::string_view(type);
    if (chosen == "web") return read_as<WebEgressRequest>(text, chosen);
    if (chosen == "participant") return read_as<ParticipantEgressRequest>(text, chosen);
    if (chosen == "track-composite") return read_as<TrackCompositeEgressRequest>(text, chosen);
    if (chosen == "track") return read_as<TrackEgressRequest>(text, chosen);
    if (chosen == "unified") return read_as<StartEgressRequest>(text, chosen);
    return read_as<RoomCompositeEgressRequest>(text, "room-composite");
}

namespace {

/// The legacy outputs (`file`, `stream`, `segments` on their own) count as well.
template<class Request>
bool has_output(const Request& request) {
    if constexpr (requires { request.outputs(); }) return request.outputs_size() > 0;
    else if constexpr (requires { request.websocket_url(); }) return request.output_case() != Request::OUTPUT_NOT_SET;
    else {
        bool legacy = false;
        if constexpr (requires { request.output_case(); }) legacy = request.output_case() != Request::OUTPUT_NOT_SET;
        return legacy || request.file_outputs_size() + request.stream_outputs_size() + request.segment_outputs_size() + request.image_outputs_size() > 0;
    }
}

std::string_view missing_source(const StartRequest& request) {
    if (const auto* page = std::get_if<WebEgressRequest>(&request)) return page->url().empty() ? "url" : "";
    if (const auto* any = std::get_if<StartEgressRequest>(&request); any != nullptr && any->has_web()) return any->web().url().empty() ? "web.url" : "";
    if (room_of(request).empty()) return "room_name";
    if (const auto* person = std::get_if<ParticipantEgressRequest>(&request)) return person->identity().empty() ? "identity" : "";
    if (const auto* track = std::get_if<TrackEgressRequest>(&request)) return track->track_id().empty() ? "track_id" : "";
    return "";
}

}  // namespace

Result<void> check_complete(const StartRequest& request) {
    if (const auto field = missing_source(request); !field.empty())
        return fail_with_hint(Errc::Usage, fmt::format("the {} request has no {}", type_of(request), field),
                              field == "room_name" ? "put it into the request, or pass --room NAME" : "put it into the request; --type says of which kind it is");
    if (std::visit([](const auto& one) { return has_output(one); }, request)) return {};
    return fail_with_hint(Errc::Usage, fmt::format("the {} request has no output", type_of(request)),
                          type_of(request) == "unified" ? R"(for example "outputs": [{"file": {"filepath": "a.ogg"}}])" : R"(for example "file_outputs": [{"filepath": "a.ogg"}])");
}

const google::protobuf::Message& message_of(const StartRequest& request) {
    return std::visit([](const auto& one) -> const google::protobuf::Message& { return one; }, request);
}

std::string room_of(const StartRequest& request) {
    return std::visit(
        [](const auto& one) -> std::string {
            if constexpr (requires { one.room_name(); }) return one.room_name();
            else return {};
        },
        request);
}

std::string_view type_of(const StartRequest& request) { return kTypes[request.index()]; }

std::vector<std::string> doubts(const StartRequest& request) {
    Doubts visitor;
    std::visit(visitor, request);
    return visitor.out;
}

}  // namespace voicectl::commands
