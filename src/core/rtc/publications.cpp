// What others publish, whether we subscribe to it or not.
#include "core/rtc/room_impl.h"
#include "core/rtc/values.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {

// Everybody who is there as we come (or come again), each with the tracks they have.
void RoomImpl::meet_everybody(const EventPtr& event, bool again) {
    const auto mailbox = mailbox_;
    const auto& result = event->message().connect().result();
    std::set<std::string> present;
    for (const auto& entry : result.participants())
        for (const auto& publication : entry.publications()) present.insert(publication.info().sid());
    if (again) {
        roster_.all_missing();
        forget_publications_before(present);
    }
    // In the order of their coming; the server's is any.
    std::vector<const proto::ConnectCallback_ParticipantWithTracks*> entries;
    for (const auto& entry : result.participants()) entries.push_back(&entry);
    std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
        return a->participant().info().joined_at() < b->participant().info().joined_at();
    });
    for (const auto* one : entries) {
        const auto& entry = *one;
        if (!mailbox->open() || leaving_) return;
        tell(roster_.present(to_participant(entry.participant().info())));
        for (const auto& publication : entry.publications()) {
            if (!mailbox->open() || leaving_) return;
            handle_track_published(entry.participant().info().identity(), publication, event);
        }
    }
}

void RoomImpl::forget_publications_before(const std::set<std::string>& present) {
    const auto mailbox = mailbox_;
    std::vector<std::string> gone;
    for (const auto& [sid, track] : published_)
        if (!present.contains(sid)) gone.push_back(sid);
    for (const auto& sid : gone)
        if (mailbox->open()) handle_track_unpublished(sid);
}

void RoomImpl::handle_track_published(const std::string& identity, const proto::OwnedTrackPublication& owned,
                                      const EventPtr& event) {
    const auto info = to_track(identity, owned.info());
    auto& track = published_[info.sid];
    const bool is_new = track.info.sid.empty();
    track.info = info;
    track.publication = event->take(owned.handle().id());
    if (options_.subscribe == Subscribe::Audio && info.audio) {
        if (const auto asked = subscribe(info.sid, true); !asked)
            log::warn("rtc", "a track cannot be subscribed to",
                      {{"track", info.sid}, {"why", asked.error().message}});
    }
    if (is_new) observer_.on_track_published(info);
}

void RoomImpl::handle_track_unpublished(const std::string& sid) {
    const auto node = published_.extract(sid);
    if (!node.empty()) observer_.on_track_unpublished(node.mapped().info);
}

void RoomImpl::handle_muted(const std::string& sid, bool muted) {
    if (const auto at = published_.find(sid); at != published_.end()) {
        if (std::exchange(at->second.info.muted, muted) == muted) return;
        if (const auto heard = tracks_.find(sid); heard != tracks_.end()) heard->second.info.muted = muted;
        return observer_.on_track_muted(TrackInfo(at->second.info));
    }
    for (const auto& output : outputs_) {
        const auto publication = output.lock();
        if (!publication || publication->sid != sid) continue;
        return observer_.on_track_muted(
            {sid, publication->name, identity_, true, true, TrackSource::Microphone, muted});
    }
}

Result<void> RoomImpl::subscribe(const std::string& track_sid, bool wanted) {
    loop_.assert_current();
    const auto at = published_.find(track_sid);
    if (at == published_.end() || !at->second.publication)
        return fail(Errc::NotFound, "nobody publishes track {}", track_sid);
    proto::FfiRequest request;
    request.mutable_set_subscribed()->set_subscribe(wanted);
    request.mutable_set_subscribed()->set_publication_handle(at->second.publication.id());
    VC_TRY(ffi_->request(request));
    return {};
}

}  // namespace voicectl::rtc
