#include "core/rtc/session.h"

#include "core/rtc/errors.h"
#include "voicectl/base/text.h"

namespace voicectl::rtc {
namespace {

// Speech, mono. From about 62 kbit/s on Opus codes voice by CELT alone (src/opus_encoder.c, mode_thresholds), which takes a quarter of
// the CPU of SILK with speech and an eighth in silence: docs/benchmarks.md, "What a voice costs to encode".
constexpr std::uint64_t kBitrateBps = 64000;

void fill_join(proto::ConnectRequest& join, const SessionOptions& options) {
    join.set_url(options.url);
    join.set_token(options.token);
    auto& wanted = *join.mutable_options();
    wanted.set_auto_subscribe(options.subscribe);
    wanted.set_adaptive_stream(false);
    wanted.set_dynacast(false);
    // Two, one for each way: what everything was measured with.
    wanted.set_single_peer_connection(false);
    wanted.set_join_retries(0);  // trying again is the caller's decision, or the watchdog's
    wanted.set_connect_timeout_ms(static_cast<std::uint64_t>(options.timeout.count()));
}

// Of text and byte streams alike.
template<class Options>
void fill(Options& wanted, const StreamOptions& options) {
    wanted.set_topic(options.topic);
    for (const auto& identity : options.to) wanted.add_destination_identities(identity);
    for (const auto& [key, value] : options.attributes)
        (*wanted.mutable_attributes())[key] = valid_utf8(value);
    if (!options.on_behalf_of.empty()) wanted.set_sender_identity(options.on_behalf_of);
}

}  // namespace

Result<void> Session::join(const std::shared_ptr<Ffi>& ffi, const SessionOptions& options, Joined on_joined) {
    return ffi->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            fill_join(*request.mutable_connect(), options);
            request.mutable_connect()->set_request_async_id(id);
        },
        [ffi, on_joined = std::move(on_joined)](const EventPtr& event) {
            const auto& answer = event->message().connect();
            if (answer.has_error()) return on_joined(std::unexpected(join_error(answer.error())), event);
            // Owned from here on: an answer that nobody waits for any more leaves again.
            on_joined(
                std::make_shared<Session>(ffi, event->take(answer.result().room().handle().id()),
                                          event->take(answer.result().local_participant().handle().id())),
                event);
        });
}

Session::Session(std::shared_ptr<Ffi> ffi, Handle room, Handle me)
    : ffi_(std::move(ffi)), room_(std::move(room)), me_(std::move(me)) {}

Session::~Session() { leave({}); }

void Session::start(const Ffi::EventSink& on_event) {
    ffi_->on_room(room_.id(), on_event);
    ffi_->on_callee(me_.id(), on_event);
    say_ready();
}

void Session::say_ready() {
    started_ = true;
    proto::FfiRequest request;
    request.mutable_ready_for_room_event()->set_room_handle(room_.id());
    (void)ffi_->request(request);  // it fails when the room is over already: its last event says so
}

void Session::leave(std::function<void()> on_left) {
    if (!room_) return;
    if (!started_) say_ready();  // a room that nobody wants any more would wait for it, and panic
    ffi_->off_room(room_.id());
    ffi_->off_callee(me_.id());
    // The core looks the room up by its handle: both live until the answer.
    struct Leaving {
        std::shared_ptr<Ffi> ffi;
        Handle room, me;
        std::function<void()> on_left;
        ~Leaving() {
            ffi->leave_ended();
            if (on_left) on_left();
        }
    };
    ffi_->leave_started();
    auto leaving = std::make_shared<Leaving>(ffi_, std::move(room_), std::move(me_), std::move(on_left));
    const auto room = leaving->room.id();
    (void)ffi_->ask(
        [room](proto::FfiRequest& request, Ffi::Id id) {
            request.mutable_disconnect()->set_room_handle(room);
            request.mutable_disconnect()->set_request_async_id(id);
        },
        [leaving](const EventPtr&) {});
}

Result<void> Session::publish(Ffi::Id track, Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& publish = *request.mutable_publish_track();
            publish.set_local_participant_handle(me_.id());
            publish.set_track_handle(track);
            publish.set_request_async_id(id);
            auto& options = *publish.mutable_options();
            options.set_source(proto::SOURCE_MICROPHONE);
            options.mutable_audio_encoding()->set_max_bitrate(kBitrateBps);
            options.set_dtx(true);  // most of what is sent is silence (pacer.h)
            options.set_red(true);
        },
        std::move(on_answer));
}

void Session::unpublish(const std::string& track_sid) {
    if (!me_) return;
    (void)ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& unpublish = *request.mutable_unpublish_track();
            unpublish.set_local_participant_handle(me_.id());
            unpublish.set_track_sid(track_sid);
            unpublish.set_stop_on_unpublish(true);
            unpublish.set_request_async_id(id);
        },
        [](const EventPtr&) {});
}

Result<void> Session::send_data(std::string payload, const std::string& topic,
                                const std::vector<std::string>& to, Ffi::EventSink on_answer) {
    const auto kept = std::make_shared<const std::string>(std::move(payload));
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& publish = *request.mutable_publish_data();
            publish.set_local_participant_handle(me_.id());
            publish.set_data_ptr(reinterpret_cast<std::uint64_t>(kept->data()));
            publish.set_data_len(kept->size());
            publish.set_reliable(true);
            publish.set_topic(topic);
            for (const auto& identity : to) publish.add_destination_identities(identity);
            publish.set_request_async_id(id);
        },
        [kept, on_answer = std::move(on_answer)](const EventPtr& event) { on_answer(event); });
}

Result<void> Session::send_text(const std::string& text, const StreamOptions& options,
                                Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& send = *request.mutable_send_text();
            send.set_local_participant_handle(me_.id());
            // The core refuses the whole request for one broken character; models do cut text inside one.
            send.set_text(valid_utf8(text));
            fill(*send.mutable_options(), options);
            send.set_request_async_id(id);
        },
        std::move(on_answer));
}

Result<void> Session::open_text(const StreamOptions& options, Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& open = *request.mutable_text_stream_open();
            open.set_local_participant_handle(me_.id());
            fill(*open.mutable_options(), options);
            open.set_request_async_id(id);
        },
        std::move(on_answer));
}

Result<void> Session::send_transcription(const Transcription& packet, Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& publish = *request.mutable_publish_transcription();
            publish.set_local_participant_handle(me_.id());
            publish.set_participant_identity(packet.participant_identity);
            publish.set_track_id(packet.track_sid);
            for (const auto& segment : packet.segments) {
                auto& out = *publish.add_segments();
                out.set_id(segment.id);
                out.set_text(valid_utf8(segment.text));
                out.set_start_time(0);
                out.set_end_time(0);
                out.set_final(segment.final);
                out.set_language(segment.language);
            }
            publish.set_request_async_id(id);
        },
        std::move(on_answer));
}

Result<void> Session::register_rpc(const std::string& method) {
    proto::FfiRequest request;
    request.mutable_register_rpc_method()->set_local_participant_handle(me_.id());
    request.mutable_register_rpc_method()->set_method(method);
    VC_TRY(ffi_->request(request));
    return {};
}

Result<void> Session::answer_rpc(Ffi::Id invocation, const std::expected<std::string, RpcFault>& answer) {
    proto::FfiRequest request;
    auto& response = *request.mutable_rpc_method_invocation_response();
    response.set_local_participant_handle(me_.id());
    response.set_invocation_id(invocation);
    if (answer) {
        response.set_payload(valid_utf8(*answer));
    } else {
        response.mutable_error()->set_code(answer.error().code);
        response.mutable_error()->set_message(valid_utf8(answer.error().message));
        if (!answer.error().data.empty()) response.mutable_error()->set_data(valid_utf8(answer.error().data));
    }
    VC_TRY_ASSIGN(const auto reply, ffi_->request(request));
    const auto& error = reply.rpc_method_invocation_response().error();
    if (!error.empty()) return fail(Errc::Protocol, "{}", error);
    return {};
}

Result<void> Session::send_bytes(const std::string& bytes, const StreamOptions& options,
                                 Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& send = *request.mutable_send_bytes();
            send.set_local_participant_handle(me_.id());
            send.set_bytes(bytes);
            auto& wanted = *send.mutable_options();
            fill(wanted, options);
            wanted.set_total_length(bytes.size());
            if (!options.name.empty()) wanted.set_name(options.name);
            if (!options.mime_type.empty()) wanted.set_mime_type(options.mime_type);
            send.set_request_async_id(id);
        },
        std::move(on_answer));
}

Result<void> Session::send_dtmf(std::uint32_t code, char digit, const std::vector<std::string>& to,
                                Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& publish = *request.mutable_publish_sip_dtmf();
            publish.set_local_participant_handle(me_.id());
            publish.set_code(code);
            publish.set_digit(std::string(1, digit));
            for (const auto& identity : to) publish.add_destination_identities(identity);
            publish.set_request_async_id(id);
        },
        std::move(on_answer));
}

Result<void> Session::statistics(Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            request.mutable_get_session_stats()->set_room_handle(room_.id());
            request.mutable_get_session_stats()->set_request_async_id(id);
        },
        std::move(on_answer));
}

Result<void> Session::set_attributes(const std::map<std::string, std::string>& attributes,
                                     Ffi::EventSink on_answer) {
    return ffi_->ask(
        [&](proto::FfiRequest& request, Ffi::Id id) {
            auto& set = *request.mutable_set_local_attributes();
            set.set_local_participant_handle(me_.id());
            for (const auto& [key, value] : attributes) {
                auto& entry = *set.add_attributes();
                entry.set_key(key);
                entry.set_value(valid_utf8(value));
            }
            set.set_request_async_id(id);
        },
        std::move(on_answer));
}

}  // namespace voicectl::rtc
