#include <algorithm>

#include "core/rtc/ffi.h"

namespace voicectl::rtc {
namespace {

void collect(const proto::ConnectCallback& answer, std::vector<Ffi::Id>& ids) {
    const auto& result = answer.result();
    ids.push_back(result.room().handle().id());
    ids.push_back(result.local_participant().handle().id());
    for (const auto& entry : result.participants()) {
        ids.push_back(entry.participant().handle().id());
        for (const auto& publication : entry.publications()) ids.push_back(publication.handle().id());
    }
}

void collect(const proto::RoomEvent& event, std::vector<Ffi::Id>& ids) {
    using Kind = proto::RoomEvent;
    switch (event.message_case()) {
        case Kind::kParticipantConnected:
            ids.push_back(event.participant_connected().info().handle().id());
            break;
        case Kind::kTrackPublished:
            ids.push_back(event.track_published().publication().handle().id());
            break;
        case Kind::kTrackSubscribed:
            ids.push_back(event.track_subscribed().track().handle().id());
            break;
        case Kind::kTextStreamOpened:
            ids.push_back(event.text_stream_opened().reader().handle().id());
            break;
        case Kind::kByteStreamOpened:
            ids.push_back(event.byte_stream_opened().reader().handle().id());
            break;
        case Kind::kDataTrackPublished:
            ids.push_back(event.data_track_published().track().handle().id());
            break;
        case Kind::kDataPacketReceived:
            ids.push_back(event.data_packet_received().user().data().handle().id());
            break;
        default:
            break;  // the others own nothing
    }
}

}  // namespace

Event::Event(const std::shared_ptr<Ffi>& ffi, proto::FfiEvent&& message) : message_(std::move(message)) {
    std::vector<Ffi::Id> ids;
    switch (message_.message_case()) {
        case proto::FfiEvent::kConnect:
            collect(message_.connect(), ids);
            break;
        case proto::FfiEvent::kRoomEvent:
            collect(message_.room_event(), ids);
            break;
        case proto::FfiEvent::kPublishTrack:
            ids.push_back(message_.publish_track().publication().handle().id());
            break;
        case proto::FfiEvent::kTextStreamOpen:
            ids.push_back(message_.text_stream_open().writer().handle().id());
            break;
        default:
            break;
    }
    for (const auto id : ids) {
        if (id != 0) handles_.emplace_back(ffi, id);
    }
}

Handle Event::take(Ffi::Id id) {
    const auto at = std::find_if(handles_.begin(), handles_.end(),
                                 [id](const Handle& handle) { return handle.id() == id; });
    return at == handles_.end() ? Handle{} : std::move(*at);
}

}  // namespace voicectl::rtc
