#include "world.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "voicectl/net/http.h"

namespace voicectl::test {
namespace {

constexpr double kLoudDbfs = -30;

template<class T>
T must(Result<T> result) {
    if (!result) FAIL(result.error().message, "; ", result.error().hint);
    return std::move(*result);
}

std::string core_path() {
    if (std::getenv("VOICECTL_LIVEKIT_CORE") != nullptr) return {};
    return std::string(VC_SOURCE_DIR) + "/.cache/livekit/liblivekit_ffi.so";
}

}  // namespace

World::World()
    : server_(must(livekit::LocalServer::start({.program = {}, .extra_yaml = "room: {enable_remote_unmute: true}\n"}))),
      core_(must(rtc::Core::load(core_path()))),
      loop_(std::make_unique<LiveLoop>()) {}

World& World::get() {
    static World world;
    return world;
}

std::string World::new_room() { return "room-" + std::to_string(++rooms_); }

std::string World::token(const std::string& room, const std::string& identity, const livekit::Claims& more) {
    auto claims = more;
    claims.identity = identity;
    claims.video.room = room;
    claims.video.room_join = true;
    claims.video.can_update_own_metadata = true;
    return livekit::mint(server().address().key, claims, 1h);
}

int World::call(const std::string& method, const std::string& json, const std::string& room) {
    livekit::Claims claims;
    claims.video.room_admin = claims.video.room_create = true;
    claims.video.room = room;
    net::HttpClient http;
    net::HttpRequest request;
    request.method = "POST";
    request.url = "http" + server().address().url.substr(2) + "/twirp/livekit.RoomService/" + method;
    request.headers = {{"Content-Type", "application/json"},
                       {"Authorization", "Bearer " + livekit::mint(server().address().key, claims, 1min)}};
    request.body = json;
    return must(http.send(request)).status;
}

std::size_t Heard::loud() const {
    return static_cast<std::size_t>(std::count_if(
        frames.begin(), frames.end(), [](const auto& frame) { return frame.level_dbfs > kLoudDbfs; }));
}

double Heard::hz() const {
    // Whole frames in the middle of the loud part: its ends are faded by the codec and the jitter buffer.
    std::size_t crossings = 0, samples = 0;
    for (std::size_t i = 1; i + 1 < frames.size(); ++i) {
        if (frames[i - 1].level_dbfs < kLoudDbfs || frames[i].level_dbfs < kLoudDbfs ||
            frames[i + 1].level_dbfs < kLoudDbfs)
            continue;
        auto before = frames[i - 1].samples.back();
        for (const auto sample : frames[i].samples) {
            crossings += (before < 0) != (sample < 0);
            before = sample;
        }
        samples += frames[i].samples.size();
    }
    return samples == 0 ? 0 : static_cast<double>(crossings) * rate_hz / (2.0 * static_cast<double>(samples));
}

double Heard::level_dbfs() const {
    double sum = 0;
    for (const auto& frame : frames) sum += frame.level_dbfs > kLoudDbfs ? frame.level_dbfs : 0;
    return loud() == 0 ? -120 : sum / static_cast<double>(loud());
}

std::optional<TimePoint> Heard::last_loud() const {
    for (auto at = frames.rbegin(); at != frames.rend(); ++at) {
        if (at->level_dbfs > kLoudDbfs) return at->at;
    }
    return std::nullopt;
}

std::size_t Heard::quiet_since() const {
    std::size_t count = 0;
    for (auto at = frames.rbegin(); at != frames.rend() && at->level_dbfs <= kLoudDbfs; ++at) ++count;
    return count;
}

Peer::Peer(std::string room, std::string identity, livekit::Claims more)
    : room_name_(std::move(room)), identity_(std::move(identity)), claims_(std::move(more)) {}

Peer::~Peer() { drop(); }

void Peer::drop() {
    on_loop([this] {
        inputs.clear();
        output_.reset();
        room_.reset();
    });
}

void Peer::drop_output() {
    on_loop([this] { output_.reset(); });
}

void Peer::leave() {
    on_loop([this] { room_->leave(); });
}

void Peer::start_join(rtc::RoomOptions options) {
    auto& world = World::get();
    if (options.url.empty()) options.url = world.server().address().url;
    if (options.token.empty()) options.token = world.token(room_name_, identity_, claims_);
    on_loop([&] {
        room_ = world.core().room(world.loop().get(), options, *this);
        room_->join([this](Result<void> result) { waiter_.change([&] { joined_result = result; }); });
    });
}

Result<void> Peer::join(rtc::RoomOptions options) {
    start_join(std::move(options));
    if (!wait([&] { return joined_result.has_value(); }, 30s))
        return fail(Errc::Timeout, "join was never answered");
    return *joined_result;
}

Result<void> Peer::publish(int rate_hz, const std::string& name) {
    std::optional<Result<void>> result;
    on_loop([&] {
        room_->publish_audio(name, rate_hz, [this, &result](Result<std::unique_ptr<rtc::AudioOutput>> made) {
            if (made) {
                output_ = std::move(*made);
                output_->on_started = [this](TimePoint at) {
                    waiter_.change([&] {
                        audio_events.push_back("started");
                        audio_times.push_back(at);
                    });
                };
                output_->on_late = [this](std::chrono::milliseconds) { waiter_.change([&] { ++late; }); };
                output_->on_drained = [this](TimePoint at, std::uint64_t played) {
                    waiter_.change([&] {
                        audio_events.push_back("drained");
                        audio_times.push_back(at);
                        drained_samples = played;
                    });
                };
            }
            waiter_.change([&] { result = made ? Result<void>{} : std::unexpected(made.error()); });
        });
    });
    if (!wait([&] { return result.has_value(); })) return fail(Errc::Timeout, "publish was never answered");
    return *result;
}

bool Peer::show_to(Peer& other) {
    return publish(16000, "here").has_value() && other.wait([&] { return other.knows(identity_); });
}

void Peer::play(const audio::Samples& samples) {
    on_loop([&] { output_->play(samples); });
}

bool Peer::left(const std::string& identity) const {
    return std::any_of(gone.begin(), gone.end(), [&](const auto& who) { return who.identity == identity; });
}

bool Peer::knows(const std::string& identity) const {
    return std::any_of(joined.begin(), joined.end(),
                       [&](const auto& who) { return who.identity == identity; });
}

void Peer::on_state(rtc::ConnectionState state) {
    change([&] { states.push_back(state); });
}
void Peer::on_joined(const rtc::Participant& who) {
    change([&] { joined.push_back(who); });
}
void Peer::on_left(const rtc::Participant& who) {
    change([&] { gone.push_back(who); });
}
void Peer::on_updated(const rtc::Participant& who) {
    change([&] { updated.push_back(who); });
}

void Peer::on_track_subscribed(const rtc::TrackInfo& track) {
    if (track.audio && (!listen_once || inputs.empty())) {
        inputs[track.sid] = room_->listen(
            track.sid, listen_rate_hz,
            [this, who = track.participant_identity](const rtc::AudioFrame& frame) {
                change([&] {
                    heard[who].rate_hz = frame.rate_hz;
                    heard[who].frames.push_back({audio::Samples(frame.samples.begin(), frame.samples.end()),
                                                 frame.received_at, audio::measure(frame.samples).rms_dbfs});
                });
            });
    }
    change([&] { subscribed.push_back(track); });
}

void Peer::on_track_unsubscribed(const rtc::TrackInfo& track) {
    if (!listen_once) inputs.erase(track.sid);
    change([&] { unsubscribed.push_back(track); });
}
void Peer::on_own_track_heard(const std::string& name) {
    change([&] { heard_tracks.push_back(name); });
}
void Peer::on_data(const rtc::DataPacket& packet) {
    change([&] { data.push_back(packet); });
}
void Peer::on_text(const rtc::TextMessage& message) {
    change([&] { texts.push_back(message); });
}

void Peer::on_transcription(const rtc::Transcription& packet) {
    waiter_.change([&] { transcriptions.push_back(packet); });
}
void Peer::on_closed(const rtc::Closed& why) {
    change([&] {
        closed = why.error;
        close_reason = why.reason;
    });
}

audio::Samples tone(int rate_hz, double hz, std::chrono::milliseconds duration) {
    audio::Samples samples(static_cast<std::size_t>(rate_hz) * static_cast<std::size_t>(duration.count()) /
                           1000);
    for (std::size_t i = 0; i < samples.size(); ++i)
        samples[i] = static_cast<std::int16_t>(
            8000 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
    return samples;
}

}  // namespace voicectl::test
