// A text stream on its way to the room, written piece by piece. The core takes one thing at a time: what comes
// meanwhile waits, and goes out together. Shared by whoever writes and by the answer that is awaited. Loop only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/rtc/ffi.h"
#include "core/rtc/mailbox.h"
#include "core/rtc/session.h"
#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

class OutgoingText : public std::enable_shared_from_this<OutgoingText> {
 public:
    OutgoingText(std::shared_ptr<Ffi> ffi, std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Session> session,
                 StreamOptions options);

    void write(const std::string& piece);
    void close(const std::map<std::string, std::string>& attributes);

 private:
    void go_on();
    void ask(const std::function<Result<void>(Ffi::EventSink)>& request);
    void handle(const EventPtr& event);

    std::shared_ptr<Ffi> ffi_;
    std::shared_ptr<Mailbox> mailbox_;
    std::weak_ptr<Session> session_;
    StreamOptions options_;
    Handle writer_;
    std::string waiting_;
    std::optional<std::map<std::string, std::string>> end_;
    bool begun_ = false, asking_ = false, over_ = false;
};

/// What the writer holds.
class Writing final : public TextWriter {
 public:
    explicit Writing(std::shared_ptr<OutgoingText> stream) : stream_(std::move(stream)) {}
    ~Writing() override { stream_->close({}); }
    void write(const std::string& piece) override { stream_->write(piece); }
    void close(const std::map<std::string, std::string>& attributes) override { stream_->close(attributes); }

 private:
    std::shared_ptr<OutgoingText> stream_;
};

}  // namespace voicectl::rtc
