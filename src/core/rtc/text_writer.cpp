#include "core/rtc/text_writer.h"

#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::rtc {

OutgoingText::OutgoingText(std::shared_ptr<Ffi> ffi, std::shared_ptr<Mailbox> mailbox,
                           std::weak_ptr<Session> session, StreamOptions options)
    : ffi_(std::move(ffi)),
      mailbox_(std::move(mailbox)),
      session_(std::move(session)),
      options_(std::move(options)) {}

void OutgoingText::write(const std::string& piece) {
    if (over_ || end_ || piece.empty()) return;
    waiting_ += piece;
    go_on();
}

void OutgoingText::close(const std::map<std::string, std::string>& attributes) {
    if (over_ || end_) return;
    end_ = attributes;
    go_on();
}

void OutgoingText::go_on() {
    if (asking_ || over_ || !mailbox_->open()) return;
    if (!begun_) {
        if (waiting_.empty()) {  // closed before anything was written
            over_ = true;
            return;
        }
        begun_ = true;
        const auto session = session_.lock();
        if (!session) {
            over_ = true;
            return;
        }
        return ask([&](Ffi::EventSink on_answer) { return session->open_text(options_, std::move(on_answer)); });
    }
    if (!waiting_.empty()) {
        const auto text = valid_utf8(std::exchange(waiting_, {}));
        return ask([&](Ffi::EventSink on_answer) {
            return ffi_->ask(
                [&](proto::FfiRequest& request, Ffi::Id id) {
                    auto& write = *request.mutable_text_stream_write();
                    write.set_writer_handle(writer_.id());
                    write.set_text(text);
                    write.set_request_async_id(id);
                },
                std::move(on_answer));
        });
    }
    if (!end_) return;
    ask([&](Ffi::EventSink on_answer) {
        return ffi_->ask(
            [&](proto::FfiRequest& request, Ffi::Id id) {
                auto& close = *request.mutable_text_stream_close();
                close.set_writer_handle(writer_.id());
                for (const auto& [key, value] : *end_) (*close.mutable_attributes())[key] = valid_utf8(value);
                close.set_request_async_id(id);
            },
            std::move(on_answer));
    });
}

void OutgoingText::ask(const std::function<Result<void>(Ffi::EventSink)>& request) {
    asking_ = true;
    const auto sent = request([mailbox = mailbox_, self = shared_from_this()](EventPtr event) {
        mailbox->post([self, event = std::move(event)] { self->handle(event); });
    });
    if (sent) return;
    over_ = true;
    log::debug("rtc", "a text stream ended early", {{"topic", options_.topic}, {"why", sent.error().message}});
}

void OutgoingText::handle(const EventPtr& event) {
    const auto& message = event->message();
    asking_ = false;
    std::string error;
    if (message.has_text_stream_open()) {
        error = message.text_stream_open().error().description();
        writer_ = event->take(message.text_stream_open().writer().handle().id());
        if (!writer_ && error.empty()) error = "the core opened no stream";
    } else if (message.has_text_stream_writer_write()) {
        error = message.text_stream_writer_write().error().description();
    } else {
        over_ = true;
        writer_ = {};
        return;
    }
    if (!error.empty()) {
        over_ = true;
        log::debug("rtc", "a text stream ended early", {{"topic", options_.topic}, {"why", error}});
        return;
    }
    go_on();
}

}  // namespace voicectl::rtc
