#include "captions.h"

#include <algorithm>

#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr const char* kTrack = "lk.transcribed_track_id";

constexpr std::chrono::milliseconds kPace{100};  // words come about three times a second
// From this number on a client makes transcription events of the text streams by itself.
constexpr int kKnowsStreams = 3;
// A packet carries all of a turn, and one of more than 64 kB ends the data channel.
constexpr std::size_t kOldClientsTake = 8000;

std::string new_segment() { return "SG_" + random_id(12); }

// In front of others' eyes only what people can see counts: who calls by telephone shows no captions.
bool needs_packets(const rtc::Participant& who) {
    return who.kind == rtc::ParticipantKind::Standard && who.client_protocol < kKnowsStreams;
}

}  // namespace

void Captions::agent_begins(const std::string& track_sid, std::function<std::string()> heard) {
    agent_ended({});
    agent_ = {new_segment(), room_.identity(), track_sid};
    heard_ = std::move(heard);
    timer_.every(kPace, [this] { follow(heard_()); });
}

void Captions::follow(const std::string& heard) {
    // What was shown cannot be taken back.
    if (heard.size() <= shown_.size() || !heard.starts_with(shown_)) return;
    if (!writer_)
        writer_ = room_.open_text({.topic = kCaptionTopic, .attributes = {{kCaptionSegment, agent_.id}, {kTrack, agent_.track_sid}, {kCaptionFinal, "false"}}});
    writer_->write(heard.substr(shown_.size()));
    shown_ = heard;
    tell_old_clients(agent_, shown_, false);
}

void Captions::agent_ended(const std::string& heard) {
    if (!heard_) return;
    follow(heard);
    timer_.cancel();
    heard_ = nullptr;
    if (auto writer = std::exchange(writer_, nullptr)) {
        writer->close({{kCaptionFinal, "true"}, {kTrack, agent_.track_sid}});
        tell_old_clients(agent_, shown_, true);
    }
    shown_.clear();
}

void Captions::user_interim(const std::string& identity, const std::string& track_sid, const std::string& text) {
    if (text.empty()) return;
    if (user_.id.empty()) user_.id = new_segment();
    user_.identity = identity;
    user_.track_sid = track_sid;
    tell_user(text, false);
}

void Captions::user_final(const std::string& identity, const std::string& track_sid, const std::string& text) {
    if (text.empty() && user_.id.empty()) return;
    if (user_.id.empty()) user_.id = new_segment();
    user_.identity = identity;
    user_.track_sid = track_sid;
    tell_user(text, true);
    user_ = {};
}

void Captions::tell_user(const std::string& text, bool final) {
    rtc::StreamOptions options{.topic = kCaptionTopic, .attributes = {{kCaptionSegment, user_.id}, {kCaptionFinal, final ? "true" : "false"}}, .on_behalf_of = user_.identity};
    if (!user_.track_sid.empty()) options.attributes[kTrack] = user_.track_sid;
    // The end of a turn is told whatever comes after; what led to it is out of date by then.
    user_queue_.add([this, options, text](SendQueue::Done done) { room_.send_text(text, options, std::move(done)); }, final ? "" : "interim");
    tell_old_clients(user_, text, final);
}

void Captions::tell_old_clients(const Segment& segment, const std::string& text, bool final) {
    const auto people = room_.participants();
    if (segment.track_sid.empty() || std::none_of(people.begin(), people.end(), needs_packets)) return;
    const auto shown = valid_utf8(std::string_view(text).substr(0, kOldClientsTake));
    rtc::Transcription packet{segment.identity, segment.track_sid, {{segment.id, shown, "", final}}};
    old_queue_.add([this, packet = std::move(packet)](SendQueue::Done done) { room_.send_transcription(packet, std::move(done)); },
                   final ? "" : segment.id);
}

}  // namespace voicectl::agent
