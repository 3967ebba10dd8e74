// The core's messages as values of ours. Any thread.
#pragma once

#include "core/rtc/ffi.h"
#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

Participant to_participant(const proto::ParticipantInfo& info);
TrackInfo to_track(const std::string& identity, const proto::TrackPublicationInfo& info);
Permissions to_permissions(const proto::ParticipantPermission& permission);
Quality to_quality(proto::ConnectionQuality quality);
Transcription to_transcription(const proto::TranscriptionReceived& packet);
TrackStatistics to_incoming(const proto::RtcStats::InboundRtp& stats);
Statistics to_statistics(const proto::GetSessionStatsCallback::Result& stats);

}  // namespace voicectl::rtc
