// Requests as LiveKit sends them, for tests of what becomes of them.
#pragma once

#include "voicectl/egress/judge.h"

namespace voicectl::test {

inline livekit::proto::RoomCompositeEgressRequest room_composite(const std::string& path = "calls/{room_name}.ogg") {
    livekit::proto::RoomCompositeEgressRequest out;
    out.set_room_name("demo");
    out.set_audio_only(true);
    out.add_file_outputs()->set_filepath(path);
    return out;
}

inline livekit::proto::StartEgressRequest media() {
    livekit::proto::StartEgressRequest out;
    out.set_room_name("demo");
    out.mutable_media()->mutable_audio()->set_capture_all(true);
    out.add_outputs()->mutable_file()->set_filepath("a.ogg");
    return out;
}

inline livekit::proto::TrackEgressRequest track() {
    livekit::proto::TrackEgressRequest out;
    out.set_room_name("demo");
    out.set_track_id("TR_1");
    out.mutable_file()->set_filepath("{track_id}");
    return out;
}

inline livekit::proto::S3Upload bucket() {
    livekit::proto::S3Upload out;
    out.set_bucket("calls");
    out.set_access_key("AKIAEXAMPLE");
    out.set_secret("very-secret-key");
    return out;
}

template<class Request>
livekit::EgressRequest asked(Request what) {
    livekit::EgressRequest out;
    out.egress_id = "EG_abc";
    out.room_id = "RM_1";
    out.what = std::move(what);
    return out;
}

}  // namespace voicectl::test
