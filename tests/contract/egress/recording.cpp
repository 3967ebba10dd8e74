// Recordings of rooms on a real livekit-server: what each one said is looked for in the file, by its sound.
#include "voicectl/egress/recording.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <numbers>
#include <random>
#include <thread>

#include "contract/rtc/world.h"
#include "support/temp_folder.h"
#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"

using namespace voicectl;
using namespace voicectl::egress;
using namespace voicectl::test;

namespace {

constexpr int kSaidHz = 16000;
constexpr int kSearchHz = 4000;
constexpr auto kWithin = 40ms;
constexpr double kSurelyAlike = 0.75;  // for 0.2 s of noise by chance: 0.4
// Of the pieces of 0.2 s. What a machine that is too full has concealed is like nothing.
constexpr double kHeard = 0.25, kUnheard = 0.01;

/// Sound of 100 to 1000 Hz that resembles nothing else, at -20 dBFS.
audio::Samples material(std::chrono::milliseconds length, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> any;
    const auto count = static_cast<std::size_t>(length.count()) * kSaidHz / 1000;
    std::vector<double> out(count);
    // Two poles low, one zero at nought: no clicks of its own.
    double one = 0, two = 0, before = 0;
    for (auto& sample : out) {
        one += 0.25 * (any(engine) - one);
        two += 0.25 * (one - two);
        sample = two - before;
        before += 0.04 * (two - before);
    }
    double square = 0;
    for (const auto sample : out) square += sample * sample;
    const auto scale = 3277 / std::sqrt(square / static_cast<double>(count));
    audio::Samples samples(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto edge = std::min({1.0, static_cast<double>(i) / 320, static_cast<double>(count - i) / 320});
        samples[i] = static_cast<std::int16_t>(std::clamp(out[i] * scale * edge, -32767.0, 32767.0));
    }
    return samples;
}

/// Told about a recording, and asked.
class Recorder {
 public:
    Recorder(const std::string& room, Plan plan, Limits limits = {}, const std::string& identity = "EG_test") : plan_(std::move(plan)) {
        voicectl::livekit::Claims claims;
        claims.kind = "egress";
        claims.video.hidden = claims.video.recorder = true;
        claims.video.can_subscribe = true;
        claims.video.can_publish = claims.video.can_publish_data = false;
        auto& world = World::get();
        RoomSettings settings{world.server().address().url, world.token(room, identity, claims), {}};
        path = folder.file(plan_.form == Form::Ogg ? "it.ogg" : "it.mp3");
        world.loop().on_loop([&] {
            recording = Recording::create(world.loop().get(), world.core(), workers_, plan_, settings, limits, path,
                                          {[this](auto at) { waiter_.change([&] { first_audio = at; }); }, [this](const Ended& told) { waiter_.change([&] { ended = told; }); }});
        });
    }
    ~Recorder() {
        World::get().loop().on_loop([&] { recording.reset(); });
    }
    bool begun() {
        return waiter_.wait([&] { return first_audio.has_value(); });
    }
    bool over(std::chrono::milliseconds limit = 20s) {
        return waiter_.wait([&] { return ended.has_value(); }, limit);
    }
    bool stop() {
        World::get().loop().on_loop([&] { recording->stop(); });
        return over();
    }
    Recording::Stats stats() {
        return World::get().loop().on_loop([&] { return recording->stats(); });
    }

    TempFolder folder;
    std::string path;
    std::unique_ptr<Recording> recording;
    std::optional<std::chrono::system_clock::time_point> first_audio;
    std::optional<Ended> ended;

 private:
    Plan plan_;
    Workers workers_{1, "record"};
    Waiter waiter_;
};

struct Found {
    double seconds = 0;  // where it begins
    double alike = 0;    // 1: the same
    double gain_db = 0;
    std::string pieces{};  // where each is, in ms from where it belongs
};

/// Where `part` is in `whole`, within [first, last) samples, by cross-correlation.
Found find_part(audio::SampleView whole, audio::SampleView part, std::size_t first, std::size_t last) {
    double own = 1;
    for (const double one : part) own += one * one;
    Found best;
    for (auto at = first; at < last && at + part.size() <= whole.size(); ++at) {
        std::int64_t with = 0, theirs = 1;
        for (std::size_t i = 0; i < part.size(); ++i) {
            with += whole[at + i] * part[i];
            theirs += whole[at + i] * whole[at + i];
        }
        const auto sum = static_cast<double>(with), alike = sum / std::sqrt(own * static_cast<double>(theirs));
        if (alike > best.alike) best = {static_cast<double>(at) / kSearchHz, alike, 10 * std::log10(static_cast<double>(theirs) / own)};
    }
    return best;
}

/// The same in pieces, for a jitter buffer stretches and shortens what it gives: the place and the level of the middle one, and how many of
/// them were found.
Found find(const audio::Pcm& channel, const audio::Samples& sound, double about, double around = 0.25) {
    constexpr std::size_t kPiece = kSearchHz / 5;
    const auto whole = audio::resample({kSaidHz, 1, sound}, kSearchHz).samples;
    std::vector<double> places, gains;
    std::string said;
    std::size_t pieces = 0;
    for (std::size_t from = 0; from + kPiece <= whole.size(); from += kPiece, ++pieces) {
        const auto at = about + static_cast<double>(from) / kSearchHz;
        const auto found = find_part(channel.samples, audio::SampleView(whole).subspan(from, kPiece), static_cast<std::size_t>(std::max(0.0, at - around) * kSearchHz),
                                     static_cast<std::size_t>((at + around) * kSearchHz));
        said += found.alike < kSurelyAlike ? " -" : fmt::format(" {:.0f}", (found.seconds - at) * 1000);
        if (found.alike < kSurelyAlike) continue;
        places.push_back(found.seconds - static_cast<double>(from) / kSearchHz);
        gains.push_back(found.gain_db);
    }
    if (places.empty()) return {};
    std::sort(places.begin(), places.end());
    std::sort(gains.begin(), gains.end());
    return {places[places.size() / 2], static_cast<double>(places.size()) / static_cast<double>(pieces), gains[gains.size() / 2], said};
}

audio::Pcm channel_of(const audio::Pcm& pcm, int channel) {
    audio::Pcm out{pcm.rate_hz, 1, {}};
    for (std::size_t i = static_cast<std::size_t>(channel); i < pcm.samples.size(); i += static_cast<std::size_t>(pcm.channels)) out.samples.push_back(pcm.samples[i]);
    return audio::resample(out, kSearchHz);
}

/// The loudest of [from, to) seconds.
int loudest(const audio::Pcm& pcm, double from, double to) {
    int out = 0;
    const auto at = [&](double seconds) { return std::min(pcm.samples.size(), static_cast<std::size_t>(std::max(0.0, seconds) * pcm.rate_hz)); };
    for (auto i = at(from); i < at(to); ++i) out = std::max(out, std::abs(pcm.samples[i]));
    return out;
}

Plan plan_for(Plan::Sides sides = Plan::Sides::Both, Form form = Form::Ogg) {
    Plan plan;
    plan.egress_id = "EG_test";
    plan.sides = sides;
    plan.form = form;
    plan.channels = sides == Plan::Sides::Both ? 1 : 2;
    plan.rate_hz = form == Form::Ogg ? 48000 : 44100;
    return plan;
}

bool heard(Recorder& recorder, std::size_t tracks, std::chrono::milliseconds limit = 20s) {
    const auto until = Clock::now() + limit;
    while (recorder.stats().tracks != tracks) {
        if (Clock::now() > until) return false;
        std::this_thread::sleep_for(50ms);
    }
    return true;
}

/// Says something and gives when its first frame went out.
TimePoint say(Peer& who, const audio::Samples& what) {
    const auto before = who.look([&] { return std::count(who.audio_events.begin(), who.audio_events.end(), "started"); });
    who.play(what);
    REQUIRE(who.wait([&] { return std::count(who.audio_events.begin(), who.audio_events.end(), "started") > before; }));
    return who.look([&] {
        for (auto i = who.audio_events.size(); i-- > 0;)
            if (who.audio_events[i] == "started") return who.audio_times[i];
        return TimePoint{};
    });
}
void all_said(Peer& who, std::size_t times) {
    REQUIRE(who.wait([&] { return std::count(who.audio_events.begin(), who.audio_events.end(), "drained") >= static_cast<std::ptrdiff_t>(times); }));
}

double seconds(auto duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

namespace {

/// False: nothing was judged, because the machine was too full to say it in time. The last try is judged whatever it was.
bool three_people(bool last_try) {
    const auto room = World::get().new_room();
    voicectl::livekit::Claims agent;
    agent.kind = "agent";
    Peer ann(room, "ann", agent), bob(room, "bob");
    REQUIRE(ann.join());
    REQUIRE(bob.join());
    REQUIRE(ann.publish(kSaidHz));
    auto carl = std::make_unique<Peer>(room, "carl");
    REQUIRE(carl->join());
    REQUIRE(carl->publish(kSaidHz));
    REQUIRE(bob.publish(kSaidHz));
    Recorder recorder(room, plan_for(Plan::Sides::AgentLeft));
    REQUIRE(heard(recorder, 3));
    CHECK_FALSE(recorder.first_audio);

    struct Said {
        std::string who;
        audio::Samples what;
        TimePoint at;
        int channel;
    };
    std::vector<Said> said;
    const auto speak = [&](Peer& who, const std::string& name, int channel, std::chrono::milliseconds length) {
        auto what = material(length, static_cast<unsigned>(said.size()) + 10);
        const auto at = say(who, what);
        said.push_back({name, std::move(what), at, channel});
    };
    speak(ann, "ann first", 0, 2000ms);
    REQUIRE(recorder.begun());
    std::this_thread::sleep_for(500ms);
    speak(bob, "bob over ann", 1, 2000ms);
    std::this_thread::sleep_for(2500ms);
    speak(*carl, "carl before the cut", 1, 1000ms);
    all_said(*carl, 1);
    std::this_thread::sleep_for(500ms);
    // Gone without a word: the process that has him is stopped as far as the room is concerned.
    int late = carl->look([&] { return carl->late; });
    carl.reset();
    const auto cut = Clock::now();

    // Bob is muted while he speaks.
    const auto sid = World::get().loop().on_loop([&] { return bob.output().track_sid(); });
    const auto mute = [&](bool muted) {
        return World::get().call("MutePublishedTrack", R"({"room":")" + room + R"(","identity":"bob","track_sid":")" + sid + R"(","muted":)" + (muted ? "true}" : "false}"), room);
    };
    REQUIRE(mute(true) == 200);
    std::this_thread::sleep_for(300ms);
    const auto unheard = say(bob, material(1500ms, 99));
    all_said(bob, 2);
    std::this_thread::sleep_for(300ms);
    REQUIRE(mute(false) == 200);
    std::this_thread::sleep_for(300ms);
    speak(bob, "bob after his mute", 1, 1000ms);
    all_said(bob, 3);

    Peer dora(room, "dora");  // late
    REQUIRE(dora.join());
    REQUIRE(dora.publish(kSaidHz));
    REQUIRE(heard(recorder, 3));
    std::this_thread::sleep_for(300ms);
    speak(dora, "dora, late", 1, 1500ms);
    std::this_thread::sleep_until(cut + 5s);
    carl = std::make_unique<Peer>(room, "carl");
    REQUIRE(carl->join());
    REQUIRE(carl->publish(kSaidHz));
    REQUIRE(heard(recorder, 4));
    std::this_thread::sleep_for(300ms);
    speak(*carl, "carl, back", 1, 1000ms);
    speak(ann, "ann's last words", 0, 1500ms);
    all_said(ann, 2);
    const auto stopped = Clock::now();
    REQUIRE(recorder.stop());
    for (auto* one : {&ann, &bob, carl.get(), &dora}) late += one->look([&] { return one->late; });
    MESSAGE("said late: " << late);
    if (late > 0 && !last_try) return false;

    const auto& ended = *recorder.ended;
    CHECK(ended.why == Ended::Why::Stopped);
    CHECK(ended.has_file);
    const auto file = audio::read_file(recorder.path);
    REQUIRE(file);
    CHECK(file->channels == 2);
    CHECK(std::abs(seconds(file->duration()) - seconds(ended.duration)) < 0.05);
    CHECK(std::abs(seconds(ended.ended - ended.began) - seconds(ended.duration)) < 0.001);
    struct stat info {};
    REQUIRE(stat(recorder.path.c_str(), &info) == 0);
    CHECK(info.st_size == ended.bytes);
    CHECK((info.st_mode & 0777) == 0600);

    const audio::Pcm sides[] = {channel_of(*file, 0), channel_of(*file, 1)};
    // What Ann said first begins the file; everything else is as much later as it was said.
    const auto first = find(sides[0], said[0].what, 0.1);
    CHECK(first.seconds < 0.1);
    std::vector<bool> spoken[2];
    for (auto& one : spoken) one.resize(static_cast<std::size_t>(seconds(file->duration()) * 100) + 100);
    for (const auto& one : said) {
        CAPTURE(one.who);
        const auto belongs = first.seconds + seconds(one.at - said[0].at);
        const auto found = find(sides[one.channel], one.what, belongs);
        MESSAGE(one.who << ": " << (found.seconds - belongs) * 1000 << " ms (" << found.pieces << " ), alike " << found.alike << ", " << found.gain_db << " dB");
        CHECK(found.alike > kHeard);
        CHECK(std::abs(found.seconds - belongs) < seconds(kWithin));
        CHECK(std::abs(found.gain_db) < 1.5);
        const auto length = static_cast<double>(one.what.size()) / kSaidHz;
        for (auto i = static_cast<std::size_t>(std::max(0.0, belongs - 0.1) * 100); i < static_cast<std::size_t>((belongs + length + 0.2) * 100) && i < spoken[one.channel].size(); ++i)
            spoken[one.channel][i] = true;
    }
    // Nothing anywhere else, on either side: no click, no echo of another, nothing of who was muted.
    CHECK(find(sides[1], material(1500ms, 99), first.seconds + seconds(unheard - said[0].at)).alike < kUnheard);
    for (int channel = 0; channel < 2; ++channel) {
        for (std::size_t i = 0; i + 1 < spoken[channel].size(); ++i) {
            if (spoken[channel][i]) continue;
            const auto level = loudest(sides[channel], static_cast<double>(i) / 100, static_cast<double>(i + 1) / 100);
            if (level > 150) FAIL_CHECK("sound of ", level, " on side ", channel, " at ", static_cast<double>(i) / 100, " s");
        }
    }
    CHECK(std::abs(seconds(ended.duration) - first.seconds - seconds(stopped - said[0].at)) < 0.3);
    return true;
}

}  // namespace

TEST_CASE("three people, one late, one muted in between, one cut off for five seconds: each is at their time, on their side, at their level") {
    constexpr int kTries = 3;
    for (int i = 1; !three_people(i == kTries); ++i) {
    }
}

TEST_CASE("a file lasts as long as was recorded, and its end has the last words") {
    for (const auto form : {Form::Ogg, Form::Mp3}) {
        const auto room = World::get().new_room();
        Peer ann(room, "ann");
        REQUIRE(ann.join());
        REQUIRE(ann.publish(kSaidHz));
        Recorder recorder(room, plan_for(Plan::Sides::Both, form));
        REQUIRE(heard(recorder, 1));
        const auto words = material(1500ms, 5);
        say(ann, words);
        all_said(ann, 1);
        REQUIRE(recorder.stop());  // as soon as the last sample was sent: it is on its way
        const auto file = audio::read_file(recorder.path);
        REQUIRE(file);
        CHECK(file->channels == 1);
        CHECK(file->rate_hz == (form == Form::Ogg ? 48000 : 44100));
        const auto found = find(channel_of(*file, 0), words, 0.1);
        CHECK(found.alike > kHeard);
        CHECK(seconds(file->duration()) == doctest::Approx(seconds(recorder.ended->duration)).epsilon(form == Form::Ogg ? 0.001 : 0.05));
    }
}

TEST_CASE("stopped before anybody said anything there is no file") {
    const auto room = World::get().new_room();
    Peer ann(room, "ann");
    REQUIRE(ann.join());
    Recorder recorder(room, plan_for());
    REQUIRE(recorder.stop());
    CHECK(recorder.ended->why == Ended::Why::Stopped);
    CHECK_FALSE(recorder.ended->has_file);
    CHECK(recorder.ended->began.count() == 0);
    CHECK_FALSE(std::filesystem::exists(recorder.path));
}

TEST_CASE("a deleted room, a removed recorder and a second one of the same name are told apart") {
    struct Case {
        const char* method;
        std::string more;
        Ended::Why why;
    };
    for (const auto& [method, more, why] : {Case{"DeleteRoom", "", Ended::Why::SourceClosed}, Case{"RemoveParticipant", R"(,"identity":"EG_test")", Ended::Why::SourceClosed},
                                            Case{nullptr, "", Ended::Why::Duplicate}}) {
        const auto room = World::get().new_room();
        Peer ann(room, "ann");
        REQUIRE(ann.join());
        REQUIRE(ann.publish(kSaidHz));
        Recorder recorder(room, plan_for());
        REQUIRE(heard(recorder, 1));
        say(ann, material(5000ms, 5));
        REQUIRE(recorder.begun());
        std::this_thread::sleep_for(1500ms);
        std::unique_ptr<Peer> twin;
        if (method != nullptr) {
            REQUIRE(World::get().call(method, R"({"room":")" + room + "\"" + more + "}", room) == 200);
        } else {
            twin = std::make_unique<Peer>(room, "EG_test");
            REQUIRE(twin->join());
        }
        REQUIRE(recorder.over());
        CHECK(recorder.ended->why == why);
        CHECK(recorder.ended->has_file);
        CHECK(seconds(recorder.ended->duration) > 1.4);
        CHECK(audio::read_file(recorder.path));
    }
}

TEST_CASE("a limit ends it at its length") {
    const auto room = World::get().new_room();
    Peer ann(room, "ann");
    REQUIRE(ann.join());
    REQUIRE(ann.publish(kSaidHz));
    Recorder recorder(room, plan_for(), {.duration = 2s});
    REQUIRE(heard(recorder, 1));
    say(ann, material(5000ms, 5));
    REQUIRE(recorder.over());
    CHECK(recorder.ended->why == Ended::Why::Limit);
    CHECK(recorder.ended->duration == 2s);
    const auto file = audio::read_file(recorder.path);
    REQUIRE(file);
    CHECK(seconds(file->duration()) == doctest::Approx(2).epsilon(0.001));
}

TEST_CASE("only who was asked for is recorded; it ends with their track, and says who never came") {
    const auto room = World::get().new_room();
    Peer ann(room, "ann"), bob(room, "bob");
    REQUIRE(ann.join());
    REQUIRE(bob.join());
    REQUIRE(ann.publish(kSaidHz));
    REQUIRE(bob.publish(kSaidHz));
    auto plan = plan_for();
    plan.rest = false;
    plan.routes = {{Route::By::Track, World::get().loop().on_loop([&] { return ann.output().track_sid(); }), {}, Side::Both}};
    plan.ends_with_tracks = true;
    Recorder recorder(room, plan);
    plan.routes = {{Route::By::Participant, "nobody", {}, Side::Both}};
    plan.must_appear_in = 1s;
    Recorder lonely(room, plan, {}, "EG_lonely");
    REQUIRE(heard(recorder, 1));
    const auto words = material(1500ms, 5), others = material(1500ms, 6);
    say(ann, words);
    say(bob, others);
    all_said(ann, 1);
    std::this_thread::sleep_for(500ms);
    ann.drop_output();
    REQUIRE(recorder.over());
    CHECK(recorder.ended->why == Ended::Why::TracksGone);
    const auto file = audio::read_file(recorder.path);
    REQUIRE(file);
    CHECK(find(channel_of(*file, 0), words, 0.1).alike > kHeard);
    CHECK(find(channel_of(*file, 0), others, 0.1).alike < kUnheard);
    REQUIRE(lonely.over());
    CHECK(lonely.ended->why == Ended::Why::NotThere);
    CHECK(lonely.ended->error.message == "participant nobody not found");
}

TEST_CASE("a disk that is full ends it as failed, with the reason") {
    const auto room = World::get().new_room();
    Peer ann(room, "ann");
    REQUIRE(ann.join());
    REQUIRE(ann.publish(kSaidHz));
    Recorder recorder(room, plan_for());
    std::filesystem::create_symlink("/dev/full", recorder.path);
    REQUIRE(heard(recorder, 1));
    say(ann, material(5000ms, 5));
    REQUIRE(recorder.over());
    CHECK(recorder.ended->why == Ended::Why::Failed);
    CHECK(recorder.ended->error.message.find("No space left on device") != std::string::npos);
}

TEST_CASE("while the server is away the file goes on with silence, and who comes back is at their time") {
    auto& world = World::get();
    const auto room = world.new_room();
    Peer ann(room, "ann");
    REQUIRE(ann.join());
    REQUIRE(ann.publish(kSaidHz));
    Recorder recorder(room, plan_for());
    REQUIRE(heard(recorder, 1));
    const auto before = material(1500ms, 5), after = material(1500ms, 6);
    const auto first = say(ann, before);
    all_said(ann, 1);
    std::this_thread::sleep_for(500ms);
    world.server().process().signal(9);
    REQUIRE(ann.wait([&] { return ann.states.back() == rtc::ConnectionState::Reconnecting; }));
    // A publisher is not told of a listener who is hidden: the recorder itself says when its tracks go and come.
    REQUIRE(heard(recorder, 0));
    REQUIRE(world.server().restart());
    REQUIRE(ann.wait([&] { return ann.states.back() == rtc::ConnectionState::Connected; }, 40s));
    REQUIRE(heard(recorder, 1, 40s));
    std::this_thread::sleep_for(1s);
    const auto second = say(ann, after);
    all_said(ann, 2);
    const auto stopped = Clock::now();
    REQUIRE(recorder.stop());
    CHECK(recorder.ended->why == Ended::Why::Stopped);
    const auto file = audio::read_file(recorder.path);
    REQUIRE(file);
    const auto channel = channel_of(*file, 0);
    const auto one = find(channel, before, 0.1);
    const auto other = find(channel, after, one.seconds + seconds(second - first));
    MESSAGE("after the server was back: " << (other.seconds - one.seconds - seconds(second - first)) * 1000 << " ms, alike " << other.alike);
    CHECK(one.alike > kHeard);
    CHECK(other.alike > kHeard);
    CHECK(std::abs(other.seconds - one.seconds - seconds(second - first)) < seconds(kWithin));
    CHECK(std::abs(seconds(file->duration()) - one.seconds - seconds(stopped - first)) < 0.3);
}

TEST_CASE("slow: ten minutes of two people who say something every half minute" * doctest::skip()) {
    const auto room = World::get().new_room();
    Peer ann(room, "ann"), bob(room, "bob");
    for (auto* peer : {&ann, &bob}) {
        REQUIRE(peer->join());
        REQUIRE(peer->publish(kSaidHz));
    }
    Recorder recorder(room, plan_for(Plan::Sides::Alternate));
    REQUIRE(heard(recorder, 2));
    std::vector<std::pair<audio::Samples, TimePoint>> said;
    const auto begin = Clock::now();
    for (unsigned i = 0; i < 21; ++i) {
        std::this_thread::sleep_until(begin + i * 30s);
        auto what = material(2000ms, 100 + i);
        const auto at = say(i % 2 == 0 ? ann : bob, what);
        said.emplace_back(std::move(what), at);
    }
    std::this_thread::sleep_for(3s);
    const auto stopped = Clock::now();
    REQUIRE(recorder.stop());
    const auto file = audio::read_file(recorder.path);
    REQUIRE(file);
    const audio::Pcm sides[] = {channel_of(*file, 0), channel_of(*file, 1)};
    const auto on = [&](unsigned i, double about) {
        const auto left = find(sides[0], said[i].first, about), right = find(sides[1], said[i].first, about);
        return left.alike > right.alike ? left : right;
    };
    const auto first = on(0, 0.1);
    for (unsigned i = 0; i < said.size(); ++i) {
        const auto belongs = first.seconds + seconds(said[i].second - said[0].second);
        const auto found = on(i, belongs);
        MESSAGE(i << ": " << (found.seconds - belongs) * 1000 << " ms, alike " << found.alike);
        CHECK(found.alike > kHeard);
        CHECK(std::abs(found.seconds - belongs) < seconds(kWithin));
    }
    CHECK(std::abs(seconds(file->duration()) - first.seconds - seconds(stopped - said[0].second)) < 0.05);
}
