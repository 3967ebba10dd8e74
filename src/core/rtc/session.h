// One stay in a room, as the core knows it: from a successful join to its end. Dropping it leaves, without
// waiting. A rejoin makes a new one. Any thread; answers come on threads of the core.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/rtc/ffi.h"
#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

struct SessionOptions {
    std::string url, token;
    bool subscribe = true;  // to everything, by itself
    std::chrono::milliseconds timeout{10000};
};

class Session {
 public:
    /// With the answer comes who was there already.
    using Joined = std::function<void(Result<std::shared_ptr<Session>>, EventPtr)>;
    static Result<void> join(const std::shared_ptr<Ffi>& ffi, const SessionOptions& options,
                             Joined on_joined);

    Session(std::shared_ptr<Ffi> ffi, Handle room, Handle me);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Events start with this; without it the core closes the room after 15 s.
    void start(const Ffi::EventSink& on_event);
    /// Says goodbye; `on_left` when the server was told. Once; later calls do nothing.
    void leave(std::function<void()> on_left);

    Result<void> publish(Ffi::Id track, Ffi::EventSink on_answer);
    void unpublish(const std::string& track_sid);
    /// `payload` is kept until the answer.
    Result<void> send_data(std::string payload, const std::string& topic, const std::vector<std::string>& to,
                           Ffi::EventSink on_answer);
    Result<void> send_text(const std::string& text, const StreamOptions& options, Ffi::EventSink on_answer);
    Result<void> open_text(const StreamOptions& options, Ffi::EventSink on_answer);
    Result<void> send_transcription(const Transcription& packet, Ffi::EventSink on_answer);
    Result<void> register_rpc(const std::string& method);
    Result<void> answer_rpc(Ffi::Id invocation, const std::expected<std::string, RpcFault>& answer);
    Result<void> send_bytes(const std::string& bytes, const StreamOptions& options, Ffi::EventSink on_answer);
    Result<void> send_dtmf(std::uint32_t code, char digit, const std::vector<std::string>& to,
                           Ffi::EventSink on_answer);
    Result<void> statistics(Ffi::EventSink on_answer);
    Result<void> set_attributes(const std::map<std::string, std::string>& attributes,
                                Ffi::EventSink on_answer);

 private:
    void say_ready();
    std::shared_ptr<Ffi> ffi_;
    Handle room_, me_;
    bool started_ = false;
};

}  // namespace voicectl::rtc
