// What the core tells us, on threads of its own: find who wants it, hand it over, return. Nothing thrown may
// cross back into the core.
#include "core/rtc/ffi.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {
namespace {

// The id of the request that an event answers; 0: it answers none.
Ffi::Id answered(const proto::FfiEvent& event) {
    using Kind = proto::FfiEvent;
    switch (event.message_case()) {
        case Kind::kConnect:
            return event.connect().async_id();
        case Kind::kDisconnect:
            return event.disconnect().async_id();
        case Kind::kPublishTrack:
            return event.publish_track().async_id();
        case Kind::kUnpublishTrack:
            return event.unpublish_track().async_id();
        case Kind::kPublishData:
            return event.publish_data().async_id();
        case Kind::kSendText:
            return event.send_text().async_id();
        case Kind::kSendBytes:
            return event.send_bytes().async_id();
        case Kind::kPublishSipDtmf:
            return event.publish_sip_dtmf().async_id();
        case Kind::kGetSessionStats:
            return event.get_session_stats().async_id();
        case Kind::kGetStats:
            return event.get_stats().async_id();
        case Kind::kSetLocalAttributes:
            return event.set_local_attributes().async_id();
        case Kind::kPublishTranscription:
            return event.publish_transcription().async_id();
        case Kind::kTextStreamOpen:
            return event.text_stream_open().async_id();
        case Kind::kTextStreamWriterWrite:
            return event.text_stream_writer_write().async_id();
        case Kind::kTextStreamWriterClose:
            return event.text_stream_writer_close().async_id();
        default:
            return 0;
    }
}

}  // namespace

void Ffi::dispatch(const std::uint8_t* bytes, std::size_t size) {
    thread_local proto::FfiEvent event;  // audio comes a hundred times a second: keep its memory
    event.Clear();
    if (!event.ParseFromArray(bytes, static_cast<int>(size))) {
        log::error("rtc", "an event of LiveKit's core cannot be read");
        return;
    }
    switch (event.message_case()) {
        case proto::FfiEvent::kAudioStreamEvent:
            dispatch_audio(event.audio_stream_event());
            return;
        case proto::FfiEvent::kCaptureAudioFrame:
            if (event.capture_audio_frame().has_error())
                log::debug("rtc", "a frame was refused", {{"why", event.capture_audio_frame().error()}});
            return;
        case proto::FfiEvent::kPanic:
            log::error("rtc", "LiveKit's core panicked", {{"what", event.panic().message()}});
            return;
        default:
            dispatch_owned(std::move(event));
            return;
    }
}

void Ffi::dispatch_audio(const proto::AudioStreamEvent& event) {
    const auto now = Clock::now();
    if (!event.has_frame_received()) return;  // its end: the room's own events say so, too
    const auto& frame = event.frame_received().frame();
    const Handle owned(shared_from_this(), frame.handle().id());
    std::shared_ptr<const AudioSink> sink;
    {
        std::lock_guard lock(audio_mutex_);
        sink = find(streams_, event.stream_handle());
    }
    if (!sink) return;
    const auto& info = frame.info();
    const auto* samples =
        reinterpret_cast<const std::int16_t*>(info.data_ptr());  // the ABI's pointer as a number
    (*sink)({samples, static_cast<std::size_t>(info.samples_per_channel()) * info.num_channels()},
            static_cast<int>(info.sample_rate()), now);
}

void Ffi::dispatch_owned(proto::FfiEvent&& message) {
    auto event = std::make_shared<Event>(shared_from_this(), std::move(message));
    std::shared_ptr<const EventSink> sink;
    {
        std::lock_guard lock(mutex_);
        const auto& seen = event->message();
        if (seen.has_room_event()) {
            sink = find(rooms_, seen.room_event().room_handle());
        } else if (seen.has_rpc_method_invocation()) {
            sink = find(callees_, seen.rpc_method_invocation().local_participant_handle());
        } else if (seen.has_text_stream_reader_event()) {
            sink = find(readers_, seen.text_stream_reader_event().reader_handle());
        } else if (seen.has_byte_stream_reader_event()) {
            sink = find(readers_, seen.byte_stream_reader_event().reader_handle());
        } else if (const auto id = answered(seen); id != 0) {
            sink = find(answers_, id);
            answers_.erase(id);
        }
    }
    if (sink) (*sink)(std::move(event));
}

}  // namespace voicectl::rtc
