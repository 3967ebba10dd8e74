// A participant's place in a LiveKit room, on LiveKit's own core (loaded with dlopen when first needed).
// No type of the core shows here, so that a second backend can be held to the same contract
// (tests/contract/rtc_*).
//
// Everything lives on the loop given at the start: call methods there, events come there. Exceptions are
// documented at the method. An answer (`done`) comes once, never inside the call that asked for it; nothing
// comes after the object was dropped, and every object may be dropped from inside any call.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::rtc {

enum class ParticipantKind { Standard, Ingress, Egress, Sip, Agent, Other };

struct Participant {
    std::string identity, sid, name, metadata;
    ParticipantKind kind = ParticipantKind::Standard;
    std::map<std::string, std::string> attributes;
    std::string left_because{};  // with on_left: "client_initiated", "participant_removed", …; else empty
    int client_protocol = 0;     // which wire forms its SDK knows
};

enum class TrackSource { Unknown, Camera, Microphone, ScreenShare, ScreenShareAudio };

struct TrackInfo {
    std::string sid, name, participant_identity;
    bool audio = true;
    bool microphone = false;
    TrackSource source = TrackSource::Unknown;
    bool muted = false;
    std::string codec{};  // "audio/opus"
};

/// What a participant may do, as the server has it.
struct Permissions {
    bool can_subscribe = false, can_publish = false, can_publish_data = false;
    bool can_update_metadata = false, hidden = false;
    std::vector<TrackSource> can_publish_sources{};  // empty: all
};

enum class Quality { Poor, Good, Excellent, Lost };

enum class ConnectionState { Connecting, Connected, Reconnecting, Closed };

struct DataPacket {
    std::string payload, topic, sender_identity;  // sender empty: the server API
};

struct TextMessage {  // a text stream read to its end
    std::string text, topic, sender_identity;
    std::map<std::string, std::string> attributes;
};

struct ByteMessage {  // a byte stream read to its end
    std::string bytes, topic, name, mime_type, sender_identity;
    std::map<std::string, std::string> attributes;
};

/// A transcription packet, as agents sent them before text streams (topic lk.transcription) came.
struct Transcription {
    struct Segment {
        std::string id, text, language;
        bool final = false;
    };
    std::string participant_identity, track_sid;
    std::vector<Segment> segments;
};

struct Dtmf {
    std::uint32_t code = 0;
    std::string digit, sender_identity;
};

/// For streams that we send. `to` empty: everybody.
struct StreamOptions {
    std::string topic;
    std::map<std::string, std::string> attributes{};
    std::vector<std::string> to{};
    std::string name{}, mime_type{};  // of byte streams
    std::string on_behalf_of{};       // of text streams: another's identity as the sender; agents may
};

/// A method that another calls on us.
struct RpcCall {
    std::string method, payload, caller_identity;
    bool by_server = false;  // through the server API: nobody in the room
    std::chrono::milliseconds timeout{0};  // after it the caller waits no more
};

struct RpcFault {
    std::uint32_t code = kApplicationError;  // 1001 to 1999 are LiveKit's own
    std::string message;                     // at most 256 bytes arrive
    std::string data{};
    static constexpr std::uint32_t kApplicationError = 1500;
};

/// Called once, on the loop, whenever the answer is there; dropped uncalled it is an application error.
using RpcAnswer = std::function<void(std::expected<std::string, RpcFault>)>;
using RpcMethod = std::function<void(const RpcCall&, RpcAnswer)>;

/// Counted since the track began.
struct TrackStatistics {
    bool outgoing = false;
    std::string kind;       // "audio" or "video"
    /// Empty when it cannot be told which of ours it is. Of the whole room's statistics, a track that came after another had gone may
    /// go by the other's: the core uses its ways again, names and all. AudioInput::statistics knows better.
    std::string track_sid;
    std::uint64_t packets = 0, bytes = 0;
    std::int64_t packets_lost = 0;
    double jitter_ms = 0;
    std::optional<double> round_trip_ms;
    std::uint64_t samples = 0, concealed_samples = 0;  // incoming audio
    /// Incoming audio: for how long the jitter buffer held back what it gave out, summed over the samples, and how many these were.
    std::chrono::duration<double> held_back{0};
    std::uint64_t held_samples = 0;
};

struct Statistics {
    std::optional<double> round_trip_ms;  // of the path that media take
    std::string path;                     // "udp", "tcp", "relay" (through a TURN server); empty: not known yet
    std::vector<TrackStatistics> tracks;
};

/// Why the room is closed for good. `error.code`: Cancelled after leave(), NotFound room deleted,
/// Conflict same identity joined elsewhere or removed, Auth, Unreachable given up.
struct Closed {
    Error error;
    std::string reason{};  // the server's: "room_deleted", "duplicate_identity" … (as left_because); empty: it gave none
};

/// Told on the loop. Default bodies do nothing, so that an observer overrides what it needs.
class RoomObserver {
 public:
    virtual ~RoomObserver() = default;
    virtual void on_state(ConnectionState) {}
    virtual void on_joined(const Participant&) {}
    /// While the connection is made anew, and for 30 s after, who vanished has time to come back: no on_left
    /// and no second on_joined for them.
    virtual void on_left(const Participant&) {}
    virtual void on_updated(const Participant&) {}  // attributes, metadata or name
    /// After a reconnect the same track comes again under another sid. Inputs opened on it before are
    /// listening again by then.
    virtual void on_track_subscribed(const TrackInfo&) {}
    virtual void on_track_unsubscribed(const TrackInfo&) {}
    /// Tracks of others, whether we subscribe to them or not. Those already there are told before the join is
    /// done, after on_joined of who has them.
    virtual void on_track_published(const TrackInfo&) {}
    virtual void on_track_unpublished(const TrackInfo&) {}
    /// `muted` in it says which way. Also of our own tracks, when the server mutes them.
    virtual void on_track_muted(const TrackInfo&) {}
    /// Everyone who speaks now, loudest first, ourselves included. Only of tracks that we subscribe to.
    virtual void on_speakers(const std::vector<std::string>& /*identities*/) {}
    virtual void on_quality(const std::string& /*identity*/, Quality) {}
    virtual void on_permissions(const std::string& /*identity*/, const Permissions&) {}
    virtual void on_room_metadata(const std::string& /*metadata*/) {}
    /// Somebody (the first one) receives our track now: what is played from here on is heard. Again after a
    /// reconnect that made the track anew.
    virtual void on_own_track_heard(const std::string& /*track_name*/) {}
    virtual void on_data(const DataPacket&) {}
    virtual void on_text(const TextMessage&) {}
    /// Some more of a text stream that has not ended: `piece.text` is just that. on_text with the whole follows, unless the
    /// stream breaks off. `stream` tells streams apart.
    virtual void on_text_piece(const TextMessage& /*piece*/, std::uint64_t /*stream*/) {}
    virtual void on_bytes(const ByteMessage&) {}
    virtual void on_transcription(const Transcription&) {}
    virtual void on_dtmf(const Dtmf&) {}
    virtual void on_closed(const Closed&) {}
};

enum class Subscribe { All, Audio, None };

struct RoomOptions {
    std::string url;
    std::string token;
    Subscribe subscribe = Subscribe::All;  // of others' tracks, when they are published
    std::chrono::milliseconds join_timeout{10000};
    /// The watchdog: when the core gives up (18 to 30 s after losing the server) the room is joined anew,
    /// with back-off and jitter at most 30 s apart, until this long after the loss. Zero: not at all.
    std::chrono::milliseconds rejoin_for{600000};
    /// A fresh token for a rejoin; empty: the last one that the server refreshed, else `token`.
    std::function<std::string()> fresh_token;
};

/// Audio that we hear: mono at the wanted rate.
struct AudioFrame {
    audio::SampleView samples;  // valid during the call
    int rate_hz = 0;
    TimePoint received_at;  // stamped on the core's thread, before it came to the loop
};

class AudioInput {  // dropping it stops listening
 public:
    virtual ~AudioInput() = default;
    /// Of the track as it is heard now; once, on the loop, and not when there is none, or we are dropped.
    virtual void statistics(std::function<void(TrackStatistics)> /*done*/) {}
};

/// Our published track: a queue that the media thread plays in 10 ms frames on a steady clock, nothing
/// being sent while it is empty. Survives reconnects and rejoins of the room.
class AudioOutput {
 public:
    virtual ~AudioOutput() = default;
    virtual int rate_hz() const = 0;
    /// Of the track as it is published now; empty while it is not.
    virtual std::string track_sid() const = 0;
    /// Appends mono samples at rate_hz().
    virtual void play(audio::SampleView samples) = 0;
    /// Drops what is not played yet; gives how much that was. on_drained follows when something was playing.
    virtual std::chrono::milliseconds clear() = 0;
    virtual std::chrono::milliseconds queued() const = 0;
    /// Samples handed to the core since the start, at rate_hz().
    virtual std::uint64_t played_samples() const = 0;
    /// Whenever the queue runs empty, on the loop: when the last sample was handed over (its end), and how
    /// many samples had been played by then.
    std::function<void(TimePoint at, std::uint64_t played_samples)> on_drained;
    /// Whenever the first frame goes out after silence, on the loop, stamped on the media thread.
    std::function<void(TimePoint at)> on_started;
    /// For so long (60 ms and more) nothing was sent in the middle of what there was to play: the machine is too full.
    std::function<void(std::chrono::milliseconds gap)> on_late;
};

/// A text stream that is written piece by piece, as captions are. Pieces arrive in order; what is written while
/// the room is away is lost, and so is the rest of a stream that a lost connection has cut.
class TextWriter {
 public:
    virtual ~TextWriter() = default;  // closes it
    virtual void write(const std::string& piece) = 0;
    /// Its end, with attributes that overrule those of its beginning. Nothing can be written after it.
    virtual void close(const std::map<std::string, std::string>& attributes) = 0;
};

/// LiveKit's core, loaded into this process. One at a time; outlives its rooms and what they gave. Destroying
/// it waits up to 2 s for rooms that are being left.
class Core {
 public:
    /// Looks at `path` when given, else at $VOICECTL_LIVEKIT_CORE, beside the executable, and in
    /// ../lib/voicectl. Errc::Missing with a hint naming the script that installs it. Takes some 50 ms, and
    /// sets RUST_LOG in our environment for a moment (else the core writes to stderr): not beside threads
    /// that read the environment.
    static Result<std::unique_ptr<Core>> load(const std::string& path = {});
    /// Where load() would take it from, without loading it; Missing when it is not there. `version` is the
    /// release of LiveKit's Python wheel that our schema comes from; load() refuses a library of any other.
    struct Found {
        std::string path, version;
    };
    static Result<Found> find(const std::string& path = {});

    virtual ~Core() = default;
    virtual std::unique_ptr<class Room> room(Loop& loop, RoomOptions options, RoomObserver& observer) = 0;
};

class Room {
 public:
    virtual ~Room() = default;  // leaves, without waiting
    /// `done` once, on the loop: joined, or why not (Auth, NotFound, Unreachable, Timeout, Protocol).
    /// Participants already there are told through on_joined before it, in the order of their coming.
    virtual void join(std::function<void(Result<void>)> done) = 0;
    /// Polite end; on_closed follows.
    virtual void leave() = 0;

    virtual ConnectionState state() const = 0;
    virtual const std::string& identity() const = 0;
    virtual const std::string& name() const = 0;
    virtual const std::string& sid() const = 0;       // RM_…; may come a moment after the join
    virtual const std::string& metadata() const = 0;  // the room's
    virtual std::vector<Participant> participants() const = 0;  // without ourselves

    /// As a microphone, mono. Rates of 8000 to 48000 Hz, others are refused as Usage; those of which 10 ms
    /// are no whole samples (22050) are resampled inside.
    virtual void publish_audio(const std::string& track_name, int rate_hz,
                               std::function<void(Result<std::unique_ptr<AudioOutput>>)> done) = 0;
    /// Mono frames of 10 ms at `rate_hz` (a multiple of 100) on the loop, for as long as the track lives, and
    /// again when it comes back: the same participant's track of the same name. Another rate hears nothing.
    virtual std::unique_ptr<AudioInput> listen(const std::string& track_sid, int rate_hz,
                                               std::function<void(const AudioFrame&)> on_frame) = 0;
    /// `to` empty: everybody. At most 15,000 bytes reliably.
    virtual void send_data(const std::string& payload, const std::string& topic,
                           const std::vector<std::string>& to, std::function<void(Result<void>)> done) = 0;
    /// A text stream of any length.
    virtual void send_text(const std::string& text, const StreamOptions& options,
                           std::function<void(Result<void>)> done) = 0;
    void send_text(const std::string& text, const std::string& topic,
                   const std::map<std::string, std::string>& attributes,
                   std::function<void(Result<void>)> done) {
        send_text(text, StreamOptions{topic, attributes}, std::move(done));
    }
    /// A text stream whose text comes bit by bit. It begins with the first piece.
    virtual std::unique_ptr<TextWriter> open_text(const StreamOptions& options) = 0;
    /// As agents told what was said before text streams came; for clients of then. Agents only.
    virtual void send_transcription(const Transcription& packet, std::function<void(Result<void>)> done) = 0;
    /// Answers calls of that method from now on, for as long as the room lives. Asking before the join is fine.
    virtual void serve(const std::string& method, RpcMethod answer) = 0;
    /// A byte stream of any length.
    virtual void send_bytes(const std::string& bytes, const StreamOptions& options,
                            std::function<void(Result<void>)> done) = 0;
    /// One of 0-9 * # A-D, as telephones behind a SIP participant hear it.
    virtual void send_dtmf(char digit, const std::vector<std::string>& to,
                           std::function<void(Result<void>)> done) = 0;
    /// Over what RoomOptions::subscribe says, for one published track. NotFound when there is none.
    virtual Result<void> subscribe(const std::string& track_sid, bool wanted) = 0;
    virtual void statistics(std::function<void(Result<Statistics>)> done) = 0;
    /// Merged into our own; an empty value removes the key.
    virtual void set_attributes(const std::map<std::string, std::string>& attributes,
                                std::function<void(Result<void>)> done) = 0;
};

}  // namespace voicectl::rtc
