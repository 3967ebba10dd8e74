#include "core/rtc/errors.h"
#include "core/rtc/room_impl.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {

void RoomImpl::handle_subscribed(const EventPtr& event) {
    const auto& told = event->message().room_event().track_subscribed();
    const auto& info = told.track().info();
    TrackInfo track{info.sid(), info.name(), told.participant_identity(), info.kind() == proto::KIND_AUDIO};
    // Only the publication knows the source; it always comes first.
    if (const auto at = published_.find(track.sid); at != published_.end()) track = at->second.info;
    auto& remote = tracks_[track.sid];
    remote.info = track;
    remote.handle = event->take(told.track().handle().id());
    std::erase_if(inputs_, [](const auto& input) { return input.expired(); });
    for (const auto& input : inputs_) {
        if (const auto stream = input.lock(); stream && stream->wants(track))
            stream->attach(track, remote.handle.id());
    }
    observer_.on_track_subscribed(track);
}

void RoomImpl::handle_unsubscribed(const std::string& sid) {
    auto node = tracks_.extract(sid);
    if (node.empty()) return;
    for (const auto& input : inputs_) {
        if (const auto stream = input.lock(); stream && stream->sid() == sid) stream->detach();
    }
    observer_.on_track_unsubscribed(node.mapped().info);
}

void RoomImpl::forget_tracks() {
    const auto mailbox = mailbox_;
    while (mailbox->open() && !tracks_.empty()) handle_unsubscribed(std::string(tracks_.begin()->first));
}

std::unique_ptr<AudioInput> RoomImpl::listen(const std::string& track_sid, int rate_hz,
                                             std::function<void(const AudioFrame&)> on_frame) {
    loop_.assert_current();
    if (rate_hz < kFramesPerSecond || rate_hz > kMaxRateHz || rate_hz % kFramesPerSecond != 0) {
        // The core would abort the process over it.
        log::error("rtc", "nobody can listen at this rate", {{"rate_hz", rate_hz}});
        return std::make_unique<Listening>(nullptr);
    }
    const auto at = tracks_.find(track_sid);
    const auto info = at == tracks_.end() ? TrackInfo{track_sid, {}, {}} : at->second.info;
    auto stream = std::make_shared<InputStream>(ffi_, loop_, info, rate_hz, std::move(on_frame));
    if (at != tracks_.end() && info.audio) stream->attach(info, at->second.handle.id());
    inputs_.push_back(stream);
    return std::make_unique<Listening>(std::move(stream));
}

void RoomImpl::publish_audio(const std::string& track_name, int rate_hz,
                             std::function<void(Result<std::unique_ptr<AudioOutput>>)> done) {
    loop_.assert_current();
    const auto fed_hz = core_rate(rate_hz);
    if (!fed_hz) return later([done, error = fed_hz.error()] { done(std::unexpected(error)); });
    auto source = CoreSource::create(ffi_, *fed_hz);
    if (!source) return later([done, error = std::move(source).error()] { done(std::unexpected(error)); });
    const auto publication = std::make_shared<Publication>();
    publication->ffi = ffi_;
    publication->name = track_name;
    publication->source = source->id;
    const auto sink =
        std::make_shared<std::unique_ptr<FrameSink>>(std::move(source->sink));  // a function is copyable
    publish(publication, [this, publication, sink, rate_hz, done = std::move(done)](Result<void> published) {
        if (!published) return done(std::unexpected(std::move(published).error()));
        const auto mailbox = mailbox_;
        outputs_.push_back(publication);
        done(std::make_unique<OutputTrack>(loop_, pacer_, rate_hz, std::move(*sink), publication));
        // The first listener can be faster than the answer to our request.
        const auto sid = publication->sid;
        if (mailbox->open() && heard_early_.contains(sid)) handle_heard(sid);
    });
}

void RoomImpl::publish(const std::shared_ptr<Publication>& publication,
                       std::function<void(Result<void>)> done) {
    if (auto made = publication->make_track(); !made)
        return later(
            [done = std::move(done), error = std::move(made).error()] { done(std::unexpected(error)); });
    request(
        "publishing a track",
        [&](Session& session, Ffi::EventSink on_answer) {
            return session.publish(publication->track.id(), std::move(on_answer));
        },
        [this, publication, done = std::move(done)](Result<EventPtr> answer) {
            if (!answer) return done(std::unexpected(std::move(answer).error()));
            const auto& told = (*answer)->message().publish_track();
            if (told.has_error())
                return done(std::unexpected(request_error("publishing a track", told.error())));
            handle_published(publication, *answer);
            done({});
        });
}

void RoomImpl::handle_published(const std::shared_ptr<Publication>& publication, const EventPtr& event) {
    const auto& told = event->message().publish_track().publication();
    publication->session = session_;
    publication->sid = told.info().sid();
    publication->publication = event->take(told.handle().id());
}

void RoomImpl::publish_again() {
    std::erase_if(outputs_, [](const auto& output) { return output.expired(); });
    for (const auto& output : outputs_) {
        const auto publication = output.lock();
        publish(publication, [this, weak = std::weak_ptr(publication)](Result<void> published) {
            const auto kept = weak.lock();
            if (!published) {
                log::warn("rtc", "a track could not be published again",
                          {{"room", name_}, {"why", published.error().message}});
            } else if (kept && heard_early_.contains(kept->sid)) {
                handle_heard(std::string(kept->sid));
            }
        });
    }
}

void RoomImpl::handle_republished(const proto::LocalTrackRepublished& event) {
    for (const auto& output : outputs_) {
        const auto publication = output.lock();
        if (!publication || publication->sid != event.previous_sid()) continue;
        publication->sid = event.info().sid();
        if (heard_early_.contains(publication->sid)) handle_heard(std::string(publication->sid));
        return;
    }
}

void RoomImpl::handle_heard(const std::string& sid) {
    for (const auto& output : outputs_) {
        const auto publication = output.lock();
        if (!publication || publication->sid != sid) continue;
        heard_early_.erase(sid);
        if (std::exchange(publication->heard_sid, sid) != sid)
            observer_.on_own_track_heard(std::string(publication->name));
        return;
    }
    heard_early_.insert(sid);
}

}  // namespace voicectl::rtc
