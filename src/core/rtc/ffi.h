// LiveKit's core as a C library: requests, answers, events and handles. Nothing above this knows its ABI.
//
// Any thread, except where said. Answers and events come on threads of the core: whoever takes them posts
// and returns (mailbox.h). One per process, because the core calls back without a context pointer.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "ffi.pb.h"
#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::rtc {

namespace proto = ::livekit::proto;
class Event;
using EventPtr = std::shared_ptr<Event>;

class Ffi : public std::enable_shared_from_this<Ffi> {
 public:
    using Id = std::uint64_t;
    using EventSink = std::function<void(EventPtr)>;
    using AudioSink = std::function<void(audio::SampleView samples, int rate_hz, TimePoint received_at)>;

    /// Loads and initialises; refuses a library of another release than our schema.
    static Result<std::shared_ptr<Ffi>> open(const std::string& path);
    /// Waits a moment for leaves that are under way, then ends the core's threads. Bounded. Afterwards
    /// requests fail and handles count for nothing.
    void close();

    Result<proto::FfiResponse> request(const proto::FfiRequest& request);
    /// For the media thread: the answer is not decoded, and `buffer` keeps its memory.
    bool send(const proto::FfiRequest& request, std::string& buffer);
    void drop(Id handle) noexcept;

    /// A request that is answered later. `fill` writes the request with the id that its answer will carry;
    /// the sink is there before the request is, since answers can be faster than the return.
    Result<void> ask(const std::function<void(proto::FfiRequest&, Id)>& fill, EventSink on_answer);

    void on_room(Id room, EventSink sink);
    void off_room(Id room);
    /// Calls of methods that a participant of ours has registered.
    void on_callee(Id participant, EventSink sink);
    void off_callee(Id participant);
    void on_reader(Id reader, EventSink sink);
    void off_reader(Id reader);
    /// Opens an audio stream; no frame of it gets lost between the core's answer and our knowing the id.
    Result<Id> open_audio(const proto::FfiRequest& request, AudioSink sink);
    void close_audio(Id stream);

    /// Counted so that close() can wait for politeness.
    void leave_started();
    void leave_ended();

    ~Ffi();

 private:
    template<class Sink>
    using Sinks = std::unordered_map<Id, std::shared_ptr<const Sink>>;
    template<class Sink>
    static std::shared_ptr<const Sink> find(const Sinks<Sink>& sinks, Id id) {
        const auto at = sinks.find(id);
        return at == sinks.end() ? nullptr : at->second;
    }

    void forget(Sinks<EventSink>& sinks, Id id);
    Ffi() = default;
    static void on_bytes(const std::uint8_t* bytes, std::size_t size) noexcept;
    void dispatch(const std::uint8_t* bytes, std::size_t size);
    void dispatch_audio(const proto::AudioStreamEvent& event);
    void dispatch_owned(proto::FfiEvent&& event);
    Result<void> bind(const std::string& path);
    bool call(const std::string& bytes, const std::uint8_t*& answer, std::size_t& size, Id& handle);

    void (*initialize_)(void (*)(const std::uint8_t*, std::size_t) noexcept, bool, const char*,
                        const char*) = nullptr;
    Id (*request_)(const std::uint8_t*, std::size_t, const std::uint8_t**, std::size_t*) = nullptr;
    bool (*drop_handle_)(Id) = nullptr;
    void (*dispose_)() = nullptr;

    std::atomic<bool> open_{false};
    std::atomic<Id> next_id_{Id{1} << 40};  // away from the ids that the core gives out itself
    std::mutex mutex_;                      // the maps below; never held while a sink runs
    Sinks<EventSink> answers_, rooms_, callees_, readers_;
    std::mutex audio_mutex_;
    Sinks<AudioSink> streams_;
    std::mutex leaving_mutex_;
    std::condition_variable leaving_changed_;
    int leaving_ = 0;
};

/// Something that the core keeps for us until this goes.
class Handle {
 public:
    Handle() = default;
    Handle(std::shared_ptr<Ffi> ffi, Ffi::Id id) : ffi_(std::move(ffi)), id_(id) {}
    Handle(Handle&& other) noexcept : ffi_(std::move(other.ffi_)), id_(std::exchange(other.id_, 0)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(ffi_, other.ffi_);
        std::swap(id_, other.id_);
        return *this;
    }
    ~Handle() {
        if (id_ != 0) ffi_->drop(id_);
    }
    Ffi::Id id() const { return id_; }
    explicit operator bool() const { return id_ != 0; }

 private:
    std::shared_ptr<Ffi> ffi_;
    Ffi::Id id_ = 0;
};

/// An event with the handles that came in it. Those that nobody takes are dropped with it, so that an event
/// which reaches nobody leaks nothing.
class Event {
 public:
    Event(const std::shared_ptr<Ffi>& ffi, proto::FfiEvent&& message);
    const proto::FfiEvent& message() const { return message_; }
    /// The handle becomes the caller's; empty when it is not (or no longer) in here.
    Handle take(Ffi::Id id);

 private:
    proto::FfiEvent message_;
    std::vector<Handle> handles_;
};

}  // namespace voicectl::rtc
