// What is said, as text for front-ends: text streams on lk.transcription with the attributes that they know from
// livekit-agents, and beside them the older transcription packets for as long as somebody in the room needs those.
//
// The agent's words appear as they are played: one stream for each of its turns, each piece what was heard since the
// last. The caller's come as whole streams that replace each other, in the caller's own name. Lives on the loop; the
// room outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "send_queue.h"
#include "voicectl/base/loop.h"
#include "voicectl/rtc/room.h"

namespace voicectl::agent {

inline constexpr const char *kCaptionTopic = "lk.transcription", *kCaptionSegment = "lk.segment_id", *kCaptionFinal = "lk.transcription_final";

class Captions {
 public:
    Captions(Loop& loop, rtc::Room& room) : room_(room), timer_(loop) {}
    ~Captions() { agent_ended({}); }

    /// A turn of the agent begins. `heard` gives all of it that was played so far, and may be asked until
    /// agent_ended().
    void agent_begins(const std::string& track_sid, std::function<std::string()> heard);
    /// All that was heard of it. Nothing, when it was not heard at all.
    void agent_ended(const std::string& heard);

    /// What the caller has said so far of a turn, and the whole of it: the next one is another. A turn of which
    /// nothing was understood in the end is empty; it is told when something of it was shown before.
    void user_interim(const std::string& identity, const std::string& track_sid, const std::string& text);
    void user_final(const std::string& identity, const std::string& track_sid, const std::string& text);

 private:
    struct Segment {
        std::string id, identity, track_sid;
    };
    void follow(const std::string& heard);
    void tell_user(const std::string& text, bool final);
    void tell_old_clients(const Segment& segment, const std::string& text, bool final);

    rtc::Room& room_;
    Segment agent_, user_;
    std::function<std::string()> heard_;
    std::string shown_;  // of the agent's turn
    std::unique_ptr<rtc::TextWriter> writer_;
    SendQueue user_queue_, old_queue_;
    Timer timer_;
};

}  // namespace voicectl::agent
