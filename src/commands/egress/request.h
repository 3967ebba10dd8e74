// The request of `egress start`, out of its flags or out of JSON. Values, main thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "commands/egress/outputs.h"
#include "commands/egress/storage.h"

namespace voicectl::commands {

struct EgressStartOptions {
    std::string room, participant, page, video_track, audio_track;
    std::vector<std::string> tracks, left, right;
    bool audio_only = false, video_only = false, screen_share = false, await_start_signal = false, unified = false;
    std::string layout, custom_base_url, channels;
    std::vector<std::string> outs;
    StorageOptions storage;
    std::string preset, segment_duration, live_playlist, segment_suffix, image_interval, image_size, image_suffix;
    std::vector<std::string> advanced, webhooks;
    bool no_manifest = false;
    std::string request, type, wait;
    bool timeout_given = false;  // --timeout of the root: the start then waits no longer
};

using StartRequest = std::variant<livekit::proto::RoomCompositeEgressRequest, livekit::proto::WebEgressRequest,
                                  livekit::proto::ParticipantEgressRequest, livekit::proto::TrackCompositeEgressRequest,
                                  livekit::proto::TrackEgressRequest, livekit::proto::StartEgressRequest>;

/// Usage, in words of the flags, for whatever the server would refuse.
Result<StartRequest> start_request(const EgressStartOptions& options, const Env& env);
/// protojson of any of the requests; `type` as in --type, empty: by the fields. Usage names an unknown field.
Result<StartRequest> request_from_json(const std::string& text, const std::string& type);
/// Usage for what would be waited for in vain: no output, or nothing that is recorded.
Result<void> check_complete(const StartRequest& request);

const google::protobuf::Message& message_of(const StartRequest& request);
/// Empty: of no room (web).
std::string room_of(const StartRequest& request);
/// "room-composite", "web", "participant", "track-composite", "track", "unified".
std::string_view type_of(const StartRequest& request);

/// What is allowed and probably not meant, one line each.
std::vector<std::string> doubts(const StartRequest& request);

/// Parts of it, for the files that share the work.
Result<livekit::proto::EncodingOptions> parse_advanced(const std::vector<std::string>& settings);
Result<livekit::proto::EncodingOptionsPreset> parse_preset(const std::string& name);
/// `agent`, `sip`, `caller` (a person or a phone), `TR_…`, an identity; or kind:, track: or identity: and the rest.
Result<std::vector<livekit::proto::AudioRoute>> parse_route(const std::string& text, livekit::proto::AudioChannel channel);

}  // namespace voicectl::commands
