#include "caller.h"

#include <algorithm>
#include <future>

#include "voicectl/base/text.h"

namespace voicectl::e2e {
namespace {

// A cut shorter than this is one that callers live with; longer, and the call is as good as lost.
constexpr std::chrono::seconds kLostAfter{5};

}  // namespace

/// Runs on the loop and waits for it. The loop never waits for us, so this cannot lock up.
template<class F>
void Caller::on_loop(F task) {
    std::promise<void> done;
    auto finished = done.get_future();
    loop_.post([&task, &done] {
        task();
        done.set_value();
    });
    finished.wait();
}

template<class Done>
Result<void> Caller::wait_until(Deadline deadline, const char* what, Done done) {
    VC_TRY_ASSIGN(const bool in_time, meeting_.wait(deadline, [&] { return lost_.has_value() || done(); }));
    if (meeting_.read([&] { return lost_.has_value() && !done(); })) return std::unexpected(*lost_);
    if (!in_time) return fail(Errc::Timeout, "{}: nothing happened in time", what);
    return {};
}

Caller::~Caller() { leave(); }

Result<void> Caller::join(const std::string& url, const std::string& token, std::chrono::milliseconds timeout) {
    auto joined = std::make_shared<std::optional<Result<void>>>();
    on_loop([&] {
        rtc::RoomOptions options;
        options.url = url;
        options.token = token;
        options.join_timeout = timeout;
        options.rejoin_for = std::chrono::milliseconds{0};  // a lost call is a verdict, not something to mend
        room_ = core_.room(loop_, std::move(options), *this);
        room_->join([this, joined](Result<void> result) { meeting_.change([&] { *joined = std::move(result); }); });
    });
    const auto grace = std::chrono::seconds{5};  // the room's own timeout comes first
    VC_TRY_ASSIGN(const bool answered, meeting_.wait(Deadline::in(timeout + grace), [&] { return joined->has_value(); }));
    if (!answered) return fail(Errc::Timeout, "no answer from the room");
    return meeting_.read([&] { return **joined; });
}

Result<void> Caller::open_microphone(int rate_hz) {
    auto failed = std::make_shared<std::optional<Error>>();
    auto opened = std::make_shared<bool>(false);
    on_loop([&] {
        room_->publish_audio("microphone", rate_hz, [this, failed, opened](Result<std::unique_ptr<rtc::AudioOutput>> output) {
            if (output) microphone_ = std::move(*output);
            meeting_.change([&] {
                *opened = output.has_value();
                if (!output) *failed = output.error();
            });
        });
    });
    VC_TRY(wait_until(Deadline::in(std::chrono::seconds{15}), "publishing the microphone", [&] { return *opened || failed->has_value(); }));
    if (*failed) return std::unexpected(**failed);
    on_loop([&] {
        microphone_->on_started = [this](TimePoint at) {
            meeting_.change([&] {
                if (!play_began_) play_began_ = at;
            });
        };
        microphone_->on_drained = [this](TimePoint at, std::uint64_t) { meeting_.change([&] { play_ended_ = at; }); };
    });
    return {};
}

bool Caller::is_our_agent(const rtc::Participant& participant) const {
    if (participant.kind != rtc::ParticipantKind::Agent) return false;
    if (agent_name_.empty()) return true;
    return std::any_of(participant.attributes.begin(), participant.attributes.end(), [&](const auto& one) {
        return (one.first == "lk.agent_name" || one.first == "lk.agent.name") && one.second == agent_name_;
    });
}

Result<rtc::Participant> Caller::wait_for_agent(std::chrono::milliseconds timeout) {
    const auto waited = wait_until(Deadline::in(timeout), "agent", [&] { return agent_.has_value(); });
    if (waited) return meeting_.read([&] { return *agent_; });
    if (waited.error().code != Errc::Timeout) return std::unexpected(waited.error());
    const auto name = agent_name_.empty() ? "" : " '" + agent_name_ + "'";
    return fail_with_hint(Errc::NotFound,
                          fmt::format("no agent{} came within {}; in the room: {}", name, format_duration(timeout), who_is_there()),
                          "is an agent of exactly that name registered with this server and below its load limit?");
}

Result<void> Caller::wait_for_agent_audio(std::chrono::milliseconds timeout) {
    auto waited = wait_until(Deadline::in(timeout), "agent's audio", [&] { return hearing_; });
    if (!waited && waited.error().code == Errc::Timeout) return fail(Errc::Timeout, "the agent publishes no audio track");
    return waited;
}

Result<Said> Caller::say(const audio::Pcm& clip) {
    Said said{clip, {}, {}};
    const auto bounds = audio::speech_bounds(clip);
    if (bounds.empty()) return fail(Errc::Usage, "there is no speech in what the caller should say");
    meeting_.change([&] { play_began_ = play_ended_ = std::nullopt; });
    on_loop([&] { microphone_->play(clip.samples); });
    const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(clip.duration());
    VC_TRY(wait_until(Deadline::in(length + std::chrono::seconds{10}), "speaking", [&] { return play_ended_.has_value(); }));
    const auto at = [&](std::size_t sample) {  // counted from the end: a late start does not move it
        const auto after = static_cast<std::int64_t>(clip.samples.size() - sample);
        return *play_ended_ - std::chrono::microseconds(after * 1'000'000 / clip.rate_hz);
    };
    meeting_.read([&] {
        said.first_sound = at(bounds.first);
        said.last_sound = at(bounds.last);
    });
    return said;
}

Result<std::optional<Heard>> Caller::listen(std::size_t from, std::chrono::milliseconds start_in, std::chrono::milliseconds end_in,
                                            std::chrono::milliseconds end_silence) {
    return ears_.listen(from, start_in, end_in, end_silence, [this] { return broken(); });
}

Result<std::optional<TimePoint>> Caller::await_speech(std::size_t from, std::chrono::milliseconds start_in) {
    return ears_.await_speech(from, start_in, [this] { return broken(); });
}

Result<std::optional<Heard>> Caller::listen_to_the_end(std::size_t from, std::chrono::milliseconds start_in, std::chrono::milliseconds end_in,
                                                       std::chrono::milliseconds end_silence) {
    auto heard = ears_.listen(from, start_in, end_in, end_silence, [this] { return broken(); });
    // What was heard before the agent left counts.
    if (!heard && meeting_.read([&] { return agent_is_gone(); }))
        heard = ears_.listen(from, {}, {}, end_silence, [] { return std::nullopt; });
    return heard;
}

Result<void> Caller::wait_for_the_end(std::chrono::milliseconds timeout) {
    VC_TRY_ASSIGN(const bool ended, meeting_.wait(Deadline::in(timeout), [&] { return agent_is_gone() || lost_.has_value(); }));
    if (!ended) return fail(Errc::CheckFailed, "the agent is still there after {}", format_duration(timeout));
    if (meeting_.read([&] { return !agent_is_gone(); })) return std::unexpected(*lost_);
    return {};
}

Result<void> Caller::pause_until(TimePoint time) {
    std::optional<Error> fault;
    VC_TRY(meeting_.wait(Deadline{time}, [&] { return (fault = broken()).has_value(); }));
    if (fault) return std::unexpected(*fault);
    return {};
}

// Under the lock.
bool Caller::agent_is_gone() const { return agent_left_ || (lost_ && lost_->code == Errc::NotFound); }

// Under the lock.
std::optional<Error> Caller::broken() {
    if (lost_) return lost_;
    if (agent_left_) return Error{Errc::CheckFailed, "the agent left the room", "look at the agent's log"};
    return std::nullopt;
}

std::string Caller::who_is_there() {
    return meeting_.read([&] {
        std::string names;
        for (const auto& one : people_)
            names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", terminal_safe(one.identity),
                                 one.kind == rtc::ParticipantKind::Agent ? "agent" : "participant");
        return names.empty() ? std::string("nobody else") : names;
    });
}

void Caller::leave() {
    on_loop([&] {
        lost_timer_.cancel();
        input_.reset();
        microphone_.reset();
        room_.reset();
    });
}

void Caller::on_state(rtc::ConnectionState state) {
    if (state != rtc::ConnectionState::Reconnecting) return lost_timer_.cancel();
    lost_timer_.after(kLostAfter, [this] {
        meeting_.change([&] {
            if (!lost_) lost_ = Error{Errc::Unreachable, "the connection to the server was lost", "is the server still running?"};
        });
    });
}

void Caller::on_joined(const rtc::Participant& participant) {
    meeting_.change([&] { people_.push_back(participant); });
    meet(participant);
}

void Caller::on_updated(const rtc::Participant& participant) {
    meeting_.change([&] {
        for (auto& one : people_)
            if (one.identity == participant.identity) one = participant;
    });
    meet(participant);
}

void Caller::meet(const rtc::Participant& participant) {
    if (!is_our_agent(participant)) return;
    meeting_.change([&] {
        if (!agent_) agent_ = participant;
    });
    hear_agent();
}

void Caller::on_left(const rtc::Participant& participant) {
    meeting_.change([&] {
        std::erase_if(people_, [&](const auto& one) { return one.identity == participant.identity; });
        if (agent_ && agent_->identity == participant.identity) agent_left_ = true;
    });
}

void Caller::on_track_subscribed(const rtc::TrackInfo& track) {
    tracks_.push_back(track);
    hear_agent();
}

void Caller::on_track_unsubscribed(const rtc::TrackInfo& track) {
    std::erase_if(tracks_, [&](const auto& one) { return one.sid == track.sid; });
}

void Caller::on_closed(const rtc::Closed& closed) {
    meeting_.change([&] {
        if (!lost_) lost_ = closed.error;
    });
}

// The agent may be known before its track, or the other way round. At once, on the loop: it may greet as soon
// as we are subscribed.
void Caller::hear_agent() {
    if (input_) return;
    const auto agent = meeting_.read([&] { return agent_; });
    if (!agent) return;
    const auto track = std::find_if(tracks_.begin(), tracks_.end(), [&](const rtc::TrackInfo& one) {
        return one.audio && one.participant_identity == agent->identity;
    });
    if (track == tracks_.end()) return;
    input_ = room_->listen(track->sid, audio::kSpeechRateHz, [this](const rtc::AudioFrame& frame) { ears_.hear(frame); });
    meeting_.change([&] { hearing_ = true; });
}

}  // namespace voicectl::e2e
