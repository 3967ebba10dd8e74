// Text and byte streams: sent whole, and read to their end.
#include "core/rtc/answers.h"
#include "core/rtc/room_impl.h"
#include "core/rtc/text_writer.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {
namespace {

// Streams have no limit of their own; our memory has.
constexpr std::size_t kMaxBytes = 16 * 1024 * 1024;

/// Why the stream broke off; empty: it came to its end.
template<class Eos>
std::string broken(const Eos& eos) {
    if (!eos.has_error()) return {};
    return eos.error().description().empty() ? "no reason given" : eos.error().description();
}

}  // namespace

void RoomImpl::send_text(const std::string& text, const StreamOptions& options,
                         std::function<void(Result<void>)> done) {
    request(
        "sending text",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.send_text(text, options, std::move(on_answer));
        },
        finish("sending text", std::move(done),
               [](const proto::FfiEvent& event) { return event.send_text().error().description(); }));
}

std::unique_ptr<TextWriter> RoomImpl::open_text(const StreamOptions& options) {
    loop_.assert_current();
    const auto session = leaving_ ? nullptr : session_;
    return std::make_unique<Writing>(std::make_shared<OutgoingText>(ffi_, mailbox_, session, options));
}

void RoomImpl::send_bytes(const std::string& bytes, const StreamOptions& options,
                          std::function<void(Result<void>)> done) {
    request(
        "sending bytes",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.send_bytes(bytes, options, std::move(on_answer));
        },
        finish("sending bytes", std::move(done),
               [](const proto::FfiEvent& event) { return event.send_bytes().error().description(); }));
}

void RoomImpl::handle_text_opened(const EventPtr& event) {
    const auto& opened = event->message().room_event().text_stream_opened();
    const auto id = opened.reader().handle().id();
    const auto& info = opened.reader().info();
    Reading reading{{{}, info.topic(), {}, info.mime_type(), opened.participant_identity(), {}},
                    event->take(id)};
    reading.message.attributes.insert(info.attributes().begin(), info.attributes().end());
    proto::FfiRequest request;
    request.mutable_text_read_incremental()->set_reader_handle(id);
    start_reading(id, std::move(reading), request);
}

void RoomImpl::handle_bytes_opened(const EventPtr& event) {
    const auto& opened = event->message().room_event().byte_stream_opened();
    const auto id = opened.reader().handle().id();
    const auto& info = opened.reader().info();
    Reading reading{{{}, info.topic(), info.name(), info.mime_type(), opened.participant_identity(), {}},
                    event->take(id)};
    reading.message.attributes.insert(info.attributes().begin(), info.attributes().end());
    proto::FfiRequest request;
    request.mutable_byte_read_incremental()->set_reader_handle(id);
    start_reading(id, std::move(reading), request);
}

void RoomImpl::start_reading(Ffi::Id id, Reading reading, const proto::FfiRequest& request) {
    const auto topic = reading.message.topic;
    readings_.insert_or_assign(id, std::move(reading));
    ffi_->on_reader(id, [mailbox = mailbox_, this, id](EventPtr told) {
        mailbox->post([this, id, told = std::move(told)] {
            const auto& message = told->message();
            if (message.has_text_stream_reader_event()) handle_text(id, message.text_stream_reader_event());
            else handle_bytes(id, message.byte_stream_reader_event());
        });
    });
    if (const auto sent = ffi_->request(request); !sent) {
        log::warn("rtc", "a stream cannot be read", {{"topic", topic}, {"why", sent.error().message}});
        ffi_->off_reader(id);
        readings_.erase(id);
    }
}

void RoomImpl::handle_text(Ffi::Id reader, const proto::TextStreamReaderEvent& event) {
    if (event.has_chunk_received()) {
        const auto& content = event.chunk_received().content();
        read_chunk(reader, content);
        const auto at = readings_.find(reader);
        if (at == readings_.end()) return;
        const auto& message = at->second.message;
        const TextMessage piece{content, message.topic, message.sender_identity, message.attributes};
        return observer_.on_text_piece(piece, reader);
    }
    if (!event.has_eos()) return;
    auto whole = read_to_end(reader, broken(event.eos()));
    if (!whole) return;
    // Its end may carry attributes, too, and knows better than its beginning.
    for (const auto& [key, value] : event.eos().attributes()) whole->attributes[key] = value;
    observer_.on_text({std::move(whole->bytes), std::move(whole->topic), std::move(whole->sender_identity),
                       std::move(whole->attributes)});
}

void RoomImpl::handle_bytes(Ffi::Id reader, const proto::ByteStreamReaderEvent& event) {
    if (event.has_chunk_received()) return read_chunk(reader, event.chunk_received().content());
    if (!event.has_eos()) return;
    auto whole = read_to_end(reader, broken(event.eos()));
    if (!whole) return;
    for (const auto& [key, value] : event.eos().attributes()) whole->attributes[key] = value;
    observer_.on_bytes(*whole);
}

void RoomImpl::read_chunk(Ffi::Id reader, const std::string& content) {
    const auto at = readings_.find(reader);
    if (at == readings_.end()) return;
    auto& message = at->second.message;
    message.bytes += content;
    if (message.bytes.size() <= kMaxBytes) return;
    log::warn("rtc", "a stream without end was dropped",
              {{"topic", message.topic}, {"from", message.sender_identity}});
    ffi_->off_reader(reader);
    readings_.erase(at);
}

std::optional<ByteMessage> RoomImpl::read_to_end(Ffi::Id reader, const std::string& broken) {
    auto node = readings_.extract(reader);
    ffi_->off_reader(reader);
    if (node.empty()) return std::nullopt;
    auto& whole = node.mapped().message;
    if (broken.empty()) return std::move(whole);
    log::debug("rtc", "a stream broke off", {{"topic", whole.topic}, {"why", broken}});
    return std::nullopt;
}

void RoomImpl::forget_readings() {
    for (const auto& [id, reading] : std::exchange(readings_, {})) ffi_->off_reader(id);
}

}  // namespace voicectl::rtc
