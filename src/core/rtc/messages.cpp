#include "core/rtc/answers.h"
#include "core/rtc/room_impl.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {
namespace {

// The limit of one reliable packet that every LiveKit client takes.
constexpr std::size_t kMaxDataBytes = 15000;

// RFC 4733 section 3.2.
std::optional<std::uint32_t> dtmf_code(char digit) {
    constexpr std::string_view kKeys = "0123456789*#ABCD";
    const auto at = kKeys.find(digit);
    if (at == std::string_view::npos) return std::nullopt;
    return static_cast<std::uint32_t>(at);
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

void RoomImpl::send_transcription(const Transcription& packet, std::function<void(Result<void>)> done) {
    request(
        "sending a transcription",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.send_transcription(packet, std::move(on_answer));
        },
        finish("sending a transcription", std::move(done),
               [](const proto::FfiEvent& event) { return event.publish_transcription().error(); }));
}

void RoomImpl::send_dtmf(char digit, const std::vector<std::string>& to,
                         std::function<void(Result<void>)> done) {
    const auto code = dtmf_code(digit);
    if (!code) {
        return later([done = std::move(done), digit] {
            if (done) done(fail(Errc::Usage, "'{}' is no key of a telephone", digit));
        });
    }
    request(
        "sending DTMF",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.send_dtmf(*code, digit, to, std::move(on_answer));
        },
        finish("sending DTMF", std::move(done),
               [](const proto::FfiEvent& event) { return event.publish_sip_dtmf().error(); }));
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
    if (packet.has_sip_dtmf()) {
        const auto& key = packet.sip_dtmf();
        return observer_.on_dtmf({key.code(), key.digit(), packet.participant_identity()});
    }
    if (!packet.has_user()) return;
    const auto& data = packet.user().data().data();
    const auto* bytes = reinterpret_cast<const char*>(data.data_ptr());  // alive as long as the event
    observer_.on_data(
        {std::string(bytes, data.data_len()), packet.user().topic(), packet.participant_identity()});
}

}  // namespace voicectl::rtc
