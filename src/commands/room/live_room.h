// A command's place in a room: the loop, the signals and the room on the main thread, everything that happens
// as events. The loop runs only inside join(), run() and leave(), so that a command reads from top to bottom.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "commands/env.h"
#include "commands/room/event_json.h"
#include "voicectl/base/signals.h"
#include "voicectl/livekit/api.h"
#include "voicectl/livekit/token.h"
#include "voicectl/rtc/room.h"

namespace voicectl::commands {

struct LiveOptions {
    std::string url, token;
    rtc::Subscribe subscribe = rtc::Subscribe::None;
    std::chrono::milliseconds join_timeout{15000};
    std::function<std::string()> fresh_token;
};

/// Claims of a hidden listener of one room: it is seen by nobody and sends nothing.
livekit::Claims observer_claims(const std::string& room);
/// A short-lived token, and a way to a fresh one should the room have to be joined anew.
void mint_into(LiveOptions& options, const livekit::Server& server, livekit::Claims claims);

/// A room before we go there.
struct MetRoom {
    livekit::proto::Room room;
    std::vector<livekit::proto::ParticipantInfo> people;
};
/// NotFound when there is none.
Result<MetRoom> meet_room(livekit::TwirpClient& twirp, const std::string& name);
/// A visit to a room where nobody but agents is makes departure_timeout count in place of empty_timeout.
void warn_of_departure(Env& env, const MetRoom& met);

class LiveRoom final : private rtc::RoomObserver {
 public:
    LiveRoom();
    ~LiveRoom() override;

    /// Told on the main thread, inside join(), run() and leave(). Those already there are told after `connected`.
    std::function<void(const Json&)> on_event;
    std::function<void(const rtc::TrackInfo&)> on_track, on_track_gone;
    std::function<void(const std::string& identity)> on_left_room;
    std::function<void(const rtc::TextMessage& piece, std::uint64_t stream)> on_piece;  // of a text stream under way

    Result<void> join(const LiveOptions& options);
    /// Until end(), a signal, the room's own end, or the deadline: false then. Cancelled or Terminated for
    /// signals; why the room closed, when it was not us.
    Result<bool> run(Deadline deadline);
    /// From inside a call: run() returns this.
    void end(Result<void> result);
    /// Says goodbye and waits for it, a few seconds at most. Twice does nothing.
    void leave();

    rtc::Room& room() { return *room_; }
    AsioLoop& loop() { return loop_; }
    const std::map<std::string, rtc::Participant>& people() const { return people_; }
    const std::map<std::string, rtc::TrackInfo>& tracks() const { return tracks_; }
    TimePoint joined_at() const { return joined_at_; }
    /// An event of the command's own, in order with the room's.
    void tell(const Json& event);
    /// Runs it on the loop, and the loop until then.
    void on_loop(const std::function<void()>& task);

 private:
    void handle_signal(int number, int count);
    void tell_connected();

    void on_state(rtc::ConnectionState state) override;
    void on_joined(const rtc::Participant& who) override;
    void on_left(const rtc::Participant& who) override;
    void on_updated(const rtc::Participant& who) override;
    void on_track_published(const rtc::TrackInfo& track) override;
    void on_track_unpublished(const rtc::TrackInfo& track) override;
    void on_track_muted(const rtc::TrackInfo& track) override;
    void on_track_subscribed(const rtc::TrackInfo& track) override;
    void on_track_unsubscribed(const rtc::TrackInfo& track) override;
    void on_own_track_heard(const std::string& name) override;
    void on_speakers(const std::vector<std::string>& identities) override { tell(speakers_json(identities)); }
    void on_quality(const std::string& identity, rtc::Quality quality) override { tell(quality_json(identity, quality)); }
    void on_permissions(const std::string& identity, const rtc::Permissions& now) override { tell(permissions_json(identity, now)); }
    void on_room_metadata(const std::string& metadata) override;
    void on_data(const rtc::DataPacket& packet) override { tell(data_json(packet)); }
    void on_text(const rtc::TextMessage& message) override { tell(text_json(message)); }
    void on_text_piece(const rtc::TextMessage& piece, std::uint64_t stream) override {
        if (on_piece && !leaving_) on_piece(piece, stream);
    }
    void on_bytes(const rtc::ByteMessage& message) override { tell(bytes_json(message)); }
    void on_transcription(const rtc::Transcription& packet) override;
    void on_dtmf(const rtc::Dtmf& key) override { tell(dtmf_json(key)); }
    void on_closed(const rtc::Closed& closed) override;

    AsioLoop loop_;
    std::unique_ptr<Signals> signals_;
    std::unique_ptr<rtc::Core> core_;
    std::unique_ptr<rtc::Room> room_;
    std::optional<Result<void>> ended_;
    std::deque<Json> before_connected_;
    std::map<std::string, rtc::Participant> people_;
    std::map<std::string, rtc::TrackInfo> tracks_;  // of others, by sid
    TimePoint joined_at_{};
    bool connected_ = false, reconnecting_ = false, leaving_ = false, closed_ = false;
};

}  // namespace voicectl::commands
