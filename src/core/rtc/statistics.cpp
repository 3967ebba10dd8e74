// Figures of WebRTC, as far as they say something to who runs calls.
#include "core/rtc/room_impl.h"
#include "core/rtc/values.h"

namespace voicectl::rtc {
namespace {

using Reports = google::protobuf::RepeatedPtrField<proto::RtcStats>;

TrackStatistics outgoing(const proto::RtcStats::OutboundRtp& stats, const Reports& all) {
    TrackStatistics out;
    out.outgoing = true;
    out.kind = stats.stream().kind();
    out.packets = stats.sent().packets_sent();
    out.bytes = stats.sent().bytes_sent();
    // What became of it, only the other side knows.
    for (const auto& one : all) {
        if (!one.has_remote_inbound_rtp()) continue;
        const auto& told = one.remote_inbound_rtp();
        if (told.remote_inbound().local_id() != stats.rtc().id()) continue;
        out.packets_lost = told.received().packets_lost();
        out.jitter_ms = told.received().jitter() * 1000;
        if (told.remote_inbound().round_trip_time_measurements() > 0)
            out.round_trip_ms = told.remote_inbound().round_trip_time() * 1000;
    }
    return out;
}

std::string path_from(const std::string& candidate, const Reports& all) {
    for (const auto& one : all) {
        if (!one.has_local_candidate() || one.local_candidate().rtc().id() != candidate) continue;
        const auto& local = one.local_candidate().candidate();
        return local.candidate_type() == proto::IceCandidateType::RELAY ? "relay" : local.protocol();
    }
    return {};
}

void add_path(Statistics& out, const Reports& all) {
    for (const auto& one : all) {
        if (!one.has_candidate_pair()) continue;
        const auto& pair = one.candidate_pair().candidate_pair();
        if (!pair.nominated()) continue;
        out.path = path_from(pair.local_candidate_id(), all);
        if (pair.current_round_trip_time() > 0) out.round_trip_ms = pair.current_round_trip_time() * 1000;
    }
}

}  // namespace

TrackStatistics to_incoming(const proto::RtcStats::InboundRtp& stats) {
    TrackStatistics out;
    out.kind = stats.stream().kind();
    out.track_sid = stats.inbound().track_identifier();  // the server names tracks by their sids
    out.packets = stats.received().packets_received();
    out.bytes = stats.inbound().bytes_received();
    out.packets_lost = stats.received().packets_lost();
    out.jitter_ms = stats.received().jitter() * 1000;
    out.samples = stats.inbound().total_samples_received();
    out.concealed_samples = stats.inbound().concealed_samples();
    out.held_back = std::chrono::duration<double>(stats.inbound().jitter_buffer_delay());
    out.held_samples = stats.inbound().jitter_buffer_emitted_count();
    return out;
}

Statistics to_statistics(const proto::GetSessionStatsCallback::Result& stats) {
    Statistics out;
    for (const auto& one : stats.publisher_stats())
        if (one.has_outbound_rtp()) out.tracks.push_back(outgoing(one.outbound_rtp(), stats.publisher_stats()));
    for (const auto& one : stats.subscriber_stats())
        if (one.has_inbound_rtp()) out.tracks.push_back(to_incoming(one.inbound_rtp()));
    add_path(out, stats.subscriber_stats());
    add_path(out, stats.publisher_stats());
    return out;
}

void InputStream::statistics(std::function<void(TrackStatistics)> done) {
    if (stream_ == 0) return;
    std::ignore = ffi_->ask(
        [this](proto::FfiRequest& request, Ffi::Id id) {
            request.mutable_get_stats()->set_track_handle(track_handle_);
            request.mutable_get_stats()->set_request_async_id(id);
        },
        [mailbox = mailbox_, sid = track_.sid, done = std::move(done)](EventPtr event) {
            mailbox->post([sid, done, event] {
                for (const auto& one : event->message().get_stats().stats()) {
                    if (!one.has_inbound_rtp()) continue;
                    auto stats = to_incoming(one.inbound_rtp());
                    stats.track_sid = sid;
                    return done(std::move(stats));
                }
            });
        });
}

void RoomImpl::statistics(std::function<void(Result<Statistics>)> done) {
    request(
        "reading statistics",
        [](Session& session, Ffi::EventSink on_answer) { return session.statistics(std::move(on_answer)); },
        [this, done = std::move(done)](Result<EventPtr> answer) {
            if (!answer) return done(std::unexpected(std::move(answer).error()));
            const auto& told = (*answer)->message().get_session_stats();
            if (told.has_error()) return done(fail(Errc::Protocol, "reading statistics: {}", told.error()));
            auto figures = to_statistics(told.result());
            std::vector<std::string> ours;
            for (const auto& output : outputs_)
                if (const auto publication = output.lock()) ours.push_back(publication->sid);
            // With more than one nothing says which is which.
            for (auto& track : figures.tracks)
                if (track.outgoing && ours.size() == 1) track.track_sid = ours.front();
            done(std::move(figures));
        });
}

}  // namespace voicectl::rtc
