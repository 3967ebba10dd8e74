#include "core/rtc/errors.h"
#include "core/rtc/room_impl.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {
namespace {

// The limit of one reliable packet that every LiveKit client takes.
constexpr std::size_t kMaxDataBytes = 15000;
// Streams have no limit of their own; our memory has.
constexpr std::size_t kMaxTextBytes = 16 * 1024 * 1024;

/// For answers that carry nothing but an error text.
template<class Answer>
std::function<void(Result<EventPtr>)> finish(std::string what, std::function<void(Result<void>)> done,
                                             Answer error_of) {
    return [what = std::move(what), done = std::move(done), error_of](Result<EventPtr> answer) {
        if (!done) return;
        if (!answer) return done(std::unexpected(std::move(answer).error()));
        const std::string error = error_of((*answer)->message());
        if (!error.empty()) return done(std::unexpected(request_error(what, error)));
        done({});
    };
}

}  // namespace

void RoomImpl::request(std::string_view what, const Send& send, std::function<void(Result<EventPtr>)> done) {
    loop_.assert_current();
    const auto fail_later = [&](Error error) {
        later([done = std::move(done), error = std::move(error)] { done(std::unexpected(error)); });
    };
    if (!session_ || leaving_)
        return fail_later(
            {state_ == ConnectionState::Closed || leaving_ ? Errc::Cancelled : Errc::Unreachable,
             fmt::format("{}: not connected to the room", what),
             {}});
    const auto id = pending_.add(std::string(what), done);
    auto sent = send(*session_, [mailbox = mailbox_, this, id](EventPtr event) {
        mailbox->post([this, id, event = std::move(event)] { pending_.finish(id, event); });
    });
    if (!sent)
        later([this, id, error = std::move(sent).error()] { pending_.finish(id, std::unexpected(error)); });
}

void RoomImpl::send_data(const std::string& payload, const std::string& topic,
                         const std::vector<std::string>& to, std::function<void(Result<void>)> done) {
    if (payload.size() > kMaxDataBytes) {
        return later([done = std::move(done), size = payload.size()] {
            if (done)
                done(fail(Errc::Usage,
                          "a data packet has at most {} bytes, not {}; send a text stream instead",
                          kMaxDataBytes, size));
        });
    }
    request(
        "sending data",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.send_data(payload, topic, to, std::move(on_answer));
        },
        finish("sending data", std::move(done),
               [](const proto::FfiEvent& event) { return event.publish_data().error(); }));
}

void RoomImpl::send_text(const std::string& text, const std::string& topic,
                         const std::map<std::string, std::string>& attributes,
                         std::function<void(Result<void>)> done) {
    request(
        "sending text",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.send_text(text, topic, attributes, std::move(on_answer));
        },
        finish("sending text", std::move(done),
               [](const proto::FfiEvent& event) { return event.send_text().error().description(); }));
}

void RoomImpl::set_attributes(const std::map<std::string, std::string>& attributes,
                              std::function<void(Result<void>)> done) {
    request(
        "setting attributes",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.set_attributes(attributes, std::move(on_answer));
        },
        finish(
            "setting attributes",
            [this, attributes, done = std::move(done)](Result<void> set) {
                if (set) {
                    for (const auto& [key, value] : attributes) own_attributes_[key] = value;
                }
                if (done) done(std::move(set));
            },
            [](const proto::FfiEvent& event) { return event.set_local_attributes().error(); }));
}

void RoomImpl::restore_attributes() {
    if (own_attributes_.empty()) return;
    request(
        "restoring attributes",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.set_attributes(own_attributes_, std::move(on_answer));
        },
        finish(
            "restoring attributes",
            [this](Result<void> set) {
                if (!set)
                    log::warn("rtc", "our attributes could not be set again",
                              {{"room", name_}, {"why", set.error().message}});
            },
            [](const proto::FfiEvent& event) { return event.set_local_attributes().error(); }));
}

void RoomImpl::handle_data(const proto::DataPacketReceived& packet) {
    if (!packet.has_user()) return;  // DTMF of telephones
    const auto& data = packet.user().data().data();
    const auto* bytes = reinterpret_cast<const char*>(data.data_ptr());  // alive as long as the event
    observer_.on_data(
        {std::string(bytes, data.data_len()), packet.user().topic(), packet.participant_identity()});
}

void RoomImpl::handle_text_opened(const EventPtr& event) {
    const auto& opened = event->message().room_event().text_stream_opened();
    const auto id = opened.reader().handle().id();
    const auto& info = opened.reader().info();
    Reading reading{{{}, info.topic(), opened.participant_identity(), {}}, event->take(id)};
    reading.message.attributes.insert(info.attributes().begin(), info.attributes().end());
    readings_.insert_or_assign(id, std::move(reading));
    ffi_->on_reader(id, [mailbox = mailbox_, this, id](EventPtr told) {
        mailbox->post([this, id, told = std::move(told)] {
            handle_text(id, told->message().text_stream_reader_event());
        });
    });
    proto::FfiRequest request;
    request.mutable_text_read_incremental()->set_reader_handle(id);
    if (const auto sent = ffi_->request(request); !sent) {
        log::warn("rtc", "a text stream cannot be read",
                  {{"topic", info.topic()}, {"why", sent.error().message}});
        ffi_->off_reader(id);
        readings_.erase(id);
    }
}

void RoomImpl::handle_text(Ffi::Id reader, const proto::TextStreamReaderEvent& event) {
    const auto at = readings_.find(reader);
    if (at == readings_.end()) return;
    auto& message = at->second.message;
    if (event.has_chunk_received()) {
        message.text += event.chunk_received().content();
        if (message.text.size() <= kMaxTextBytes) return;
        log::warn("rtc", "a text stream without end was dropped",
                  {{"topic", message.topic}, {"from", message.sender_identity}});
        ffi_->off_reader(reader);
        readings_.erase(at);
        return;
    }
    if (!event.has_eos()) return;
    ffi_->off_reader(reader);
    auto node = readings_.extract(at);
    auto& whole = node.mapped().message;
    if (event.eos().has_error()) {
        log::debug("rtc", "a text stream broke off",
                   {{"topic", whole.topic}, {"why", event.eos().error().description()}});
        return;
    }
    // Its end may carry attributes, too, and knows better than its beginning.
    for (const auto& [key, value] : event.eos().attributes()) whole.attributes[key] = value;
    observer_.on_text(whole);
}

void RoomImpl::forget_readings() {
    for (const auto& [id, reading] : std::exchange(readings_, {})) ffi_->off_reader(id);
}

}  // namespace voicectl::rtc
