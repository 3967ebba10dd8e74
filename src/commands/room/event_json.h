// What happens in a room as JSON, one object per event, and as a line for people. Values, any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "commands/output.h"
#include "voicectl/rtc/room.h"

namespace voicectl::commands {

/// {"event": kind, "time": now}; every event begins so.
Json event_json(std::string_view kind);

Json joined_json(const rtc::Participant& who, bool present);
Json left_json(const rtc::Participant& who);
/// One for each of attributes, metadata and name that is not as before.
std::vector<Json> changes_json(const rtc::Participant& before, const rtc::Participant& after);
/// `kind`: track_published, track_muted, …
Json track_json(std::string_view kind, const rtc::TrackInfo& track);
Json speakers_json(const std::vector<std::string>& identities);
Json quality_json(const std::string& identity, rtc::Quality quality);
Json permissions_json(const std::string& identity, const rtc::Permissions& permissions);
Json data_json(const rtc::DataPacket& packet);
/// text, or transcription for streams of topic lk.transcription.
Json text_json(const rtc::TextMessage& message);
Json bytes_json(const rtc::ByteMessage& message);
std::vector<Json> transcription_json(const rtc::Transcription& packet);
Json dtmf_json(const rtc::Dtmf& key);
Json stats_json(const rtc::Statistics& statistics, const std::map<std::string, rtc::TrackInfo>& tracks);

std::string_view to_string(rtc::ParticipantKind kind);  // "agent"
std::string_view to_string(rtc::TrackSource source);    // "microphone"

/// "12:34:56.789  joined         ann (standard)". Safe for a terminal.
std::string event_line(const Json& event);

}  // namespace voicectl::commands
