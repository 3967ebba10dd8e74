// What one recording job is, out of the request that LiveKit sends. Values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "voicectl/livekit/api.h"
#include "voicectl/rtc/room.h"

namespace voicectl::egress {

/// Where in a file of two channels a track is heard.
enum class Side : std::uint8_t { Both, Left, Right };

/// Tracks, by one property of them, and their side.
struct Route {
    enum class By { Track, Participant, Kind } by = By::Track;
    std::string id;  // track sid or identity
    rtc::ParticipantKind kind = rtc::ParticipantKind::Standard;
    Side side = Side::Both;
};

enum class Form : std::uint8_t { Ogg, Mp3 };  // Opus in Ogg, or MP3
std::string_view ending(Form form);            // ".ogg"
std::string_view content_type(Form form);      // "audio/ogg"

struct Plan {
    std::string egress_id, room_name, room_id;
    std::string url, token;  // as the request has them; empty (server 1.13.5): the worker's own

    /// Whose audio: routes are tried in order and the first that fits decides; what none fits is recorded when `rest`.
    std::vector<Route> routes;
    bool rest = true;
    /// Of what no route names: every track on both sides, agents left and all others right, or in order of arrival left, right, left …
    enum class Sides : std::uint8_t { Both, AgentLeft, Alternate } sides = Sides::Both;
    /// Track and track composite: over when the tracks of its routes are gone.
    bool ends_with_tracks = false;
    /// Tracks and participants named by routes must be there so long after the start.
    std::chrono::seconds must_appear_in{30};

    Form form = Form::Ogg;
    int channels = 1;        // 2 as soon as anything has a side
    int rate_hz = 48000;     // Opus: always; MP3: 44100 unless asked otherwise
    int bit_rate = 128000;   // bits per second
    std::string path;        // as asked, with {room_name}, {time} …; may be empty or end in '/'
    bool manifest = true;
    livekit::proto::StorageConfig storage;  // empty: this machine's files
};

}  // namespace voicectl::egress
