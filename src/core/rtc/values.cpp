#include "core/rtc/values.h"

namespace voicectl::rtc {
namespace {

ParticipantKind to_kind(proto::ParticipantKind kind) {
    switch (kind) {
        case proto::PARTICIPANT_KIND_STANDARD:
            return ParticipantKind::Standard;
        case proto::PARTICIPANT_KIND_INGRESS:
            return ParticipantKind::Ingress;
        case proto::PARTICIPANT_KIND_EGRESS:
            return ParticipantKind::Egress;
        case proto::PARTICIPANT_KIND_SIP:
            return ParticipantKind::Sip;
        case proto::PARTICIPANT_KIND_AGENT:
            return ParticipantKind::Agent;
        default:
            return ParticipantKind::Other;
    }
}

TrackSource to_source(int source) {
    switch (source) {
        case proto::SOURCE_CAMERA:
            return TrackSource::Camera;
        case proto::SOURCE_MICROPHONE:
            return TrackSource::Microphone;
        case proto::SOURCE_SCREENSHARE:
            return TrackSource::ScreenShare;
        case proto::SOURCE_SCREENSHARE_AUDIO:
            return TrackSource::ScreenShareAudio;
        default:
            return TrackSource::Unknown;
    }
}

}  // namespace

Participant to_participant(const proto::ParticipantInfo& info) {
    Participant participant{info.identity(), info.sid(),           info.name(),
                            info.metadata(), to_kind(info.kind()), {}};
    participant.attributes.insert(info.attributes().begin(), info.attributes().end());
    participant.client_protocol = static_cast<int>(info.client_protocol());
    return participant;
}

TrackInfo to_track(const std::string& identity, const proto::TrackPublicationInfo& info) {
    return {info.sid(),
            info.name(),
            identity,
            info.kind() == proto::KIND_AUDIO,
            info.source() == proto::SOURCE_MICROPHONE,
            to_source(info.source()),
            info.muted(),
            info.mime_type()};
}

Permissions to_permissions(const proto::ParticipantPermission& permission) {
    Permissions out{permission.can_subscribe(), permission.can_publish(), permission.can_publish_data(),
                    permission.can_update_metadata(), permission.hidden()};
    for (const auto source : permission.can_publish_sources())
        out.can_publish_sources.push_back(to_source(source));
    return out;
}

Quality to_quality(proto::ConnectionQuality quality) {
    switch (quality) {
        case proto::QUALITY_POOR:
            return Quality::Poor;
        case proto::QUALITY_GOOD:
            return Quality::Good;
        case proto::QUALITY_EXCELLENT:
            return Quality::Excellent;
        default:
            return Quality::Lost;
    }
}

Transcription to_transcription(const proto::TranscriptionReceived& packet) {
    Transcription out{packet.participant_identity(), packet.track_sid(), {}};
    for (const auto& segment : packet.segments())
        out.segments.push_back({segment.id(), segment.text(), segment.language(), segment.final()});
    return out;
}

}  // namespace voicectl::rtc
