// The room on LiveKit's core. Everything here runs on the loop; the core's threads only reach the mailbox.
// room_impl.cpp joins, leaves and rejoins; events.cpp handles what the core tells; media.cpp has tracks that
// are heard and played, publications.cpp what others publish; messages.cpp data and attributes, streams.cpp
// text and bytes, rpc.cpp calls of others, statistics.cpp figures.
//
// Whoever is told something may drop the room from inside the call: after an observer was called nothing of
// ours is touched unless the mailbox is still open.
#pragma once

#include <list>
#include <map>
#include <set>

#include "core/rtc/audio_input.h"
#include "core/rtc/audio_output.h"
#include "core/rtc/mailbox.h"
#include "core/rtc/pacer.h"
#include "core/rtc/pending.h"
#include "core/rtc/roster.h"
#include "core/rtc/session.h"
#include "core/rtc/watchdog.h"
#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

class RoomImpl final : public Room {
 public:
    RoomImpl(std::shared_ptr<Ffi> ffi, Pacer& pacer, Loop& loop, RoomOptions options, RoomObserver& observer);
    ~RoomImpl() override;

    void join(std::function<void(Result<void>)> done) override;
    void leave() override;
    ConnectionState state() const override { return state_; }
    const std::string& identity() const override { return identity_; }
    const std::string& name() const override { return name_; }
    const std::string& sid() const override { return sid_; }
    const std::string& metadata() const override { return metadata_; }
    std::vector<Participant> participants() const override { return roster_.all(); }
    void publish_audio(const std::string& track_name, int rate_hz,
                       std::function<void(Result<std::unique_ptr<AudioOutput>>)> done) override;
    std::unique_ptr<AudioInput> listen(const std::string& track_sid, int rate_hz,
                                       std::function<void(const AudioFrame&)> on_frame) override;
    void send_data(const std::string& payload, const std::string& topic, const std::vector<std::string>& to,
                   std::function<void(Result<void>)> done) override;
    using Room::send_text;
    void send_text(const std::string& text, const StreamOptions& options,
                   std::function<void(Result<void>)> done) override;
    std::unique_ptr<TextWriter> open_text(const StreamOptions& options) override;
    void send_transcription(const Transcription& packet, std::function<void(Result<void>)> done) override;
    void serve(const std::string& method, RpcMethod answer) override;
    void send_bytes(const std::string& bytes, const StreamOptions& options,
                    std::function<void(Result<void>)> done) override;
    void send_dtmf(char digit, const std::vector<std::string>& to,
                   std::function<void(Result<void>)> done) override;
    Result<void> subscribe(const std::string& track_sid, bool wanted) override;
    void statistics(std::function<void(Result<Statistics>)> done) override;
    void set_attributes(const std::map<std::string, std::string>& attributes,
                        std::function<void(Result<void>)> done) override;

 private:
    struct RemoteTrack {
        TrackInfo info;
        Handle handle;
    };
    struct Published {
        TrackInfo info;
        Handle publication;  // empty while the session that it came in is over
    };
    struct Reading {  // a text or byte stream under way
        ByteMessage message;
        Handle reader;
    };

    // room_impl.cpp
    Result<void> connect(std::chrono::milliseconds timeout);
    void handle_connected(std::uint64_t attempt, Result<std::shared_ptr<Session>> session,
                          const EventPtr& event);
    void handle_connect_failed(Error error);
    void enter(std::shared_ptr<Session> session, const EventPtr& event);
    void finish_join(Result<void> result);
    void lose(std::string_view reason);
    void close(Error error, std::string_view reason = {});
    void set_state(ConnectionState state);
    void start_settling();
    void forget_session(const Error& why);
    void later(Loop::Task task);

    // events.cpp
    void handle_event(const EventPtr& event);
    void handle_participant_event(const proto::RoomEvent& event);
    void handle_track_event(const EventPtr& event);
    void handle_message_event(const EventPtr& event);
    void handle_disconnected(proto::DisconnectReason reason);
    void handle_reconnecting();
    void handle_reconnected();
    void handle_room_event(const proto::RoomEvent& event);
    void tell(const std::optional<RosterChange>& change);
    void tell(const std::vector<RosterChange>& changes);

    // media.cpp
    void handle_subscribed(const EventPtr& event);
    void handle_unsubscribed(const std::string& sid);
    void forget_tracks();
    void publish(const std::shared_ptr<Publication>& publication, std::function<void(Result<void>)> done);
    void publish_again();
    void handle_published(const std::shared_ptr<Publication>& publication, const EventPtr& event);
    void handle_republished(const proto::LocalTrackRepublished& event);
    void handle_heard(const std::string& sid);

    // publications.cpp
    void meet_everybody(const EventPtr& event, bool again);
    void handle_track_published(const std::string& identity, const proto::OwnedTrackPublication& owned,
                                const EventPtr& event);
    void handle_track_unpublished(const std::string& sid);
    void handle_muted(const std::string& sid, bool muted);
    void forget_publications_before(const std::set<std::string>& present);

    // messages.cpp
    void handle_data(const proto::DataPacketReceived& packet);
    void restore_attributes();

    // streams.cpp
    void handle_text_opened(const EventPtr& event);
    void handle_text(Ffi::Id reader, const proto::TextStreamReaderEvent& event);
    void handle_bytes_opened(const EventPtr& event);
    void handle_bytes(Ffi::Id reader, const proto::ByteStreamReaderEvent& event);
    void start_reading(Ffi::Id reader, Reading reading, const proto::FfiRequest& request);
    void read_chunk(Ffi::Id reader, const std::string& content);
    std::optional<ByteMessage> read_to_end(Ffi::Id reader, const std::string& broken);
    void forget_readings();

    // rpc.cpp
    void register_method(const std::string& method);
    void register_methods();
    void handle_invocation(const EventPtr& event);

    /// One request of the session in hand. `done` once, never inside this call.
    using Send = std::function<Result<void>(Session&, Ffi::EventSink)>;
    void request(std::string_view what, const Send& send, std::function<void(Result<EventPtr>)> done);

    std::shared_ptr<Ffi> ffi_;
    Pacer& pacer_;
    Loop& loop_;
    RoomOptions options_;
    RoomObserver& observer_;
    std::shared_ptr<Mailbox> mailbox_;

    ConnectionState state_ = ConnectionState::Connecting;
    std::string identity_, name_, sid_, metadata_, token_;
    std::shared_ptr<Session> session_;
    std::function<void(Result<void>)> on_join_done_;
    std::uint64_t attempt_ = 0;  // answers of joins that were given up carry an older number
    bool joining_ = false, joined_once_ = false, reconnecting_ = false, leaving_ = false;

    Roster roster_;
    std::map<std::string, RemoteTrack> tracks_;      // by sid
    std::map<std::string, Published> published_;     // by sid; of others
    std::list<std::weak_ptr<InputStream>> inputs_;   // owned by who listens
    std::list<std::weak_ptr<Publication>> outputs_;  // owned by who plays
    std::set<std::string> heard_early_;              // heard before we knew which of ours it is
    std::map<Ffi::Id, Reading> readings_;
    std::map<std::string, std::string> own_attributes_;
    std::map<std::string, std::shared_ptr<const RpcMethod>> methods_;

    Pending pending_;
    Watchdog watchdog_;
    Timer join_timer_, leave_timer_, settle_timer_;
};

}  // namespace voicectl::rtc
