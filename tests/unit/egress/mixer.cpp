#include "voicectl/egress/mixer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

using namespace voicectl;
using namespace voicectl::egress;
using namespace std::chrono_literals;

namespace {

constexpr int kRate = Mixer::kRateHz;
const TimePoint kBegan{std::chrono::hours(1)};

audio::Samples hiss(std::size_t count, int amplitude, unsigned seed) {
    std::mt19937 engine(seed);
    std::uniform_int_distribution<int> any(-amplitude, amplitude);
    audio::Samples out(count);
    std::generate(out.begin(), out.end(), [&] { return static_cast<std::int16_t>(any(engine)); });
    return out;
}

audio::Samples sine(std::size_t count, double hz, double amplitude, double phase = 0) {
    audio::Samples out(count);
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<std::int16_t>(std::lrint(amplitude * std::sin(phase + 2 * std::numbers::pi * hz * static_cast<double>(i) / kRate)));
    return out;
}

std::size_t samples_in(Duration time) { return static_cast<std::size_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count() * kRate / 1'000'000); }
Duration time_of(double samples) { return std::chrono::nanoseconds(std::llround(samples * 1e9 / kRate)); }

/// A mixer and the clock that drives it: frames that are to come, and what was mixed.
class Stage {
 public:
    explicit Stage(int channels = 1) : mixer(channels, kBegan), channels_(static_cast<std::size_t>(channels)) {}

    /// `sound` as frames, the first received at `from`, the others every 10 ms of a clock that runs at `speed`; `late` for each of them.
    void play(Mixer::SourceId id, const audio::Samples& sound, Duration from, double speed = 1, const std::function<Duration(std::size_t)>& late = {}) {
        auto before = TimePoint::min();
        for (std::size_t i = 0; (i + 1) * Mixer::kFrame <= sound.size(); ++i) {
            auto at = kBegan + from + time_of(static_cast<double>(i * Mixer::kFrame) / speed);
            if (late) at += late(i);
            at = before = std::max(at, before);  // they never overtake each other
            frames_.push_back({at, id, audio::Samples(sound.begin() + static_cast<std::ptrdiff_t>(i * Mixer::kFrame), sound.begin() + static_cast<std::ptrdiff_t>((i + 1) * Mixer::kFrame))});
        }
    }
    void at(Duration time, std::function<void()> task) { tasks_.push_back({kBegan + time, std::move(task)}); }
    /// The clock goes on to `end`, in ticks of 100 ms; `held_up` tells of ticks that do not come.
    void run(Duration end, const std::function<bool(Duration)>& held_up = {}) {
        std::stable_sort(frames_.begin(), frames_.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
        std::size_t next = 0;
        for (auto now = kBegan; now <= kBegan + end; now += 100ms) {
            if (held_up && held_up(now - kBegan)) continue;
            for (auto& [at, task] : tasks_)
                if (task && at <= now) std::exchange(task, {})();
            for (; next < frames_.size() && frames_[next].at <= now; ++next) mixer.push(frames_[next].source, frames_[next].samples, frames_[next].at);
            for (auto block = mixer.render(now); !block.empty(); block = mixer.render(now)) take(block);
        }
        for (; next < frames_.size(); ++next) mixer.push(frames_[next].source, frames_[next].samples, frames_[next].at);
        for (auto block = mixer.drain(kBegan + end); !block.empty(); block = mixer.drain(kBegan + end)) take(block);
    }
    /// Of one channel.
    const audio::Samples& heard(std::size_t channel = 0) const { return out_[channel]; }

    Mixer mixer;

 private:
    void take(audio::SampleView block) {
        for (std::size_t i = 0; i < block.size(); ++i) out_[i % channels_].push_back(block[i]);
    }
    struct Coming {
        TimePoint at;
        Mixer::SourceId source;
        audio::Samples samples;
    };
    std::size_t channels_;
    std::vector<Coming> frames_;
    std::vector<std::pair<TimePoint, std::function<void()>>> tasks_;
    audio::Samples out_[2];
};

/// Where `part` is in `whole`, exactly; -1: nowhere.
std::ptrdiff_t find(const audio::Samples& whole, audio::SampleView part) {
    const auto at = std::search(whole.begin(), whole.end(), part.begin(), part.end());
    return at == whole.end() ? -1 : at - whole.begin();
}

/// The greatest step from sample to sample.
int steepest(const audio::Samples& sound) {
    int out = 0;
    for (std::size_t i = 1; i < sound.size(); ++i) out = std::max(out, std::abs(sound[i] - sound[i - 1]));
    return out;
}
/// Of a sine, with the fade of 5 ms that lies over it.
int steepest_allowed(double hz, double amplitude) { return static_cast<int>(amplitude * 2 * std::numbers::pi * hz / kRate + amplitude / 240 + 3); }

/// But for the end, which fades out.
bool same(const audio::Samples& heard, const audio::Samples& sound) {
    return heard.size() == sound.size() && std::equal(sound.begin(), sound.end() - 240, heard.begin());
}

/// But for what may fade in, and out.
audio::SampleView inner(const audio::Samples& sound) { return audio::SampleView(sound).subspan(240, sound.size() - 480); }

bool silent(const audio::Samples& sound, std::size_t from, std::size_t to) {
    return std::all_of(sound.begin() + static_cast<std::ptrdiff_t>(from), sound.begin() + static_cast<std::ptrdiff_t>(to), [](auto one) { return one == 0; });
}

}  // namespace

TEST_CASE("one source passes bit by bit, up to full scale, and the file begins with it") {
    Stage stage;
    auto sound = hiss(kRate * 3, 32767, 1);
    sound[4711] = -32768;
    sound[5000] = 32767;
    stage.play(stage.mixer.add(Side::Both), sound, 0ms);
    stage.run(3s);
    CHECK(same(stage.heard(), sound));
    CHECK(stage.mixer.rendered() == kRate * 3);
    CHECK(stage.mixer.began() == kBegan);
    CHECK(stage.mixer.stats().limited == 0);
    CHECK(stage.mixer.stats().lost_samples == 0);
}

TEST_CASE("a file whose first frame came late begins where it belongs") {
    Stage stage;
    const auto sound = hiss(kRate * 3, 8000, 1);
    stage.play(stage.mixer.add(Side::Both), sound, 0ms, 1, [](std::size_t i) -> Duration { return -10ms * std::min(2, static_cast<int>(i)); });
    stage.run(3s);
    CHECK(stage.mixer.began() == kBegan - 20ms);
    CHECK(find(stage.heard(), audio::SampleView(sound).first(100'000)) == 0);
}

TEST_CASE("who comes later is placed to the sample, whatever is delayed on the way") {
    std::mt19937 random(7);
    std::uniform_int_distribution<int> late(0, 15);
    for (const auto from : {10ms, 333ms, 1999ms}) {
        Stage stage;
        const auto first = stage.mixer.add(Side::Both), second = stage.mixer.add(Side::Both);
        stage.play(first, audio::Samples(kRate * 4), 0ms);
        const auto sound = hiss(kRate, 9000, 2);
        stage.play(second, sound, from, 1, [&](std::size_t i) { return i == 40 ? 0ms : std::chrono::milliseconds(late(random)); });
        stage.run(4s);
        CAPTURE(from.count());
        const auto at = find(stage.heard(), audio::SampleView(sound).subspan(240, 40'000));
        CHECK(std::abs(at - 240 - static_cast<std::ptrdiff_t>(samples_in(from))) <= 1);
        CHECK(silent(stage.heard(), 0, samples_in(from)));
    }
}

TEST_CASE("a source that is away for 5 s comes back at its time, without a click") {
    Stage stage;
    const auto other = stage.mixer.add(Side::Both), id = stage.mixer.add(Side::Both);
    stage.play(other, audio::Samples(kRate * 9), 0ms);
    stage.play(id, sine(kRate * 2 + 480 * 7, 200, 10000, 1), 100ms);
    const auto again = sine(kRate, 200, 10000, 2);
    stage.play(id, again, 7300ms);
    stage.run(9s);
    CHECK(steepest(stage.heard()) <= steepest_allowed(200, 10000));
    CHECK(find(stage.heard(), audio::SampleView(again).subspan(240, 40'000)) == static_cast<std::ptrdiff_t>(samples_in(7300ms) + 240));
    CHECK(silent(stage.heard(), samples_in(2170ms), samples_in(7300ms)));
    CHECK(stage.mixer.stats().lost_samples == 0);
}

TEST_CASE("a slip forward becomes silence where it happened, and nothing of the sound is lost") {
    for (const auto slip : {25ms, 100ms, 700ms, 1500ms}) {
        CAPTURE(slip.count());
        Stage stage;
        const auto id = stage.mixer.add(Side::Both);
        const auto sound = sine(kRate * 6, 200, 10000);
        stage.play(id, sound, 0ms, 1, [&](std::size_t i) { return i < 200 ? 0ms : Duration(slip); });
        stage.run(6s + slip);
        const auto seam = static_cast<std::size_t>(200 * 480);
        CHECK(std::equal(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(seam - 240), stage.heard().begin()));
        CHECK(silent(stage.heard(), seam, seam + samples_in(slip)));
        CHECK(std::equal(sound.begin() + static_cast<std::ptrdiff_t>(seam + 240), sound.end() - 240, stage.heard().begin() + static_cast<std::ptrdiff_t>(seam + samples_in(slip) + 240)));
        CHECK(steepest(stage.heard()) <= steepest_allowed(200, 10000));
        CHECK(stage.mixer.stats().gaps <= 1);
    }
}

TEST_CASE("who gives more than the clock has time for is cut with a crossfade, where it is quiet if there is such a place") {
    Stage stage;
    const auto id = stage.mixer.add(Side::Both);
    const auto sound = sine(kRate * 6, 200, 10000);
    stage.play(id, sound, 0ms, 1, [](std::size_t i) { return i < 200 ? 0ms : Duration(-53ms); });  // no whole periods
    stage.run(6s - 53ms);
    CHECK(stage.mixer.stats().cuts == 1);
    CHECK(std::equal(sound.end() - kRate * 2, sound.end() - 480, stage.heard().end() - kRate * 2));
    CHECK(steepest(stage.heard()) <= steepest_allowed(200, 10000) + 10000 / 240);
}

TEST_CASE("a clock that is wrong by 100 ppm is followed for ten minutes, without a click") {
    for (const double speed : {1.0001, 0.9999}) {
        for (const bool pauses : {true, false}) {
            CAPTURE(speed);
            CAPTURE(pauses);
            Stage stage;
            const auto id = stage.mixer.add(Side::Both);
            const std::size_t length = kRate * 600;
            auto sound = sine(length, 200, 10000);
            if (pauses) {  // a phrase of 2 s, and 1 s without it, with soft ends
                for (std::size_t i = 0; i < length; ++i) {
                    const auto in = static_cast<double>(i % (kRate * 3)) / kRate;
                    const auto gain = in < 1 ? 0 : std::clamp(std::min((in - 1) / 0.01, (3 - in) / 0.01), 0.0, 1.0);
                    sound[i] = static_cast<std::int16_t>(sound[i] * gain);
                }
            }
            stage.play(id, sound, 0ms, speed);
            stage.run(600s);
            CHECK(stage.mixer.rendered() == static_cast<std::int64_t>(length));
            CHECK(steepest(stage.heard()) <= steepest_allowed(200, 20000));
            CHECK(stage.mixer.stats().lost_samples == 0);
            if (pauses) CHECK((speed > 1 ? stage.mixer.stats().cuts : stage.mixer.stats().gaps) >= 8);
            else CHECK(stage.mixer.stats().splices >= 3);
            if (!pauses) continue;
            // Each phrase within 10 ms of its time; half a millisecond more is for its soft beginning.
            for (std::size_t phrase = 1; phrase < 198; ++phrase) {
                const auto belongs = static_cast<std::ptrdiff_t>(static_cast<double>(phrase * 3 + 1) * kRate / speed);
                const auto from = stage.heard().begin() + belongs - kRate / 2;
                const auto begins = std::find_if(from, stage.heard().end(), [](auto one) { return std::abs(one) > 300; }) - stage.heard().begin();
                CHECK(std::abs(begins - belongs) < kRate / 100);
            }
        }
    }
}

TEST_CASE("half a second of frames that come late all at once are where they belong") {
    Stage stage;
    const auto id = stage.mixer.add(Side::Both);
    const auto sound = hiss(kRate * 5, 9000, 3);
    stage.play(id, sound, 0ms, 1, [](std::size_t i) -> Duration { return 10ms * (i >= 150 && i < 200 ? 200 - i : 0); });
    stage.run(5s);
    CHECK(same(stage.heard(), sound));
}

TEST_CASE("an owner who was held up for three seconds loses nothing") {
    Stage stage;
    const auto id = stage.mixer.add(Side::Both);
    const auto sound = hiss(kRate * 8, 9000, 3);
    stage.play(id, sound, 0ms);
    stage.run(8s, [](Duration now) { return now > 2s && now < 5s; });
    CHECK(same(stage.heard(), sound));
}

TEST_CASE("what comes after its time was rendered is lost, and counted; the rest is in place") {
    Stage stage;
    const auto first = stage.mixer.add(Side::Both), id = stage.mixer.add(Side::Both);
    stage.play(first, audio::Samples(kRate * 5), 0ms);
    const auto sound = hiss(kRate, 9000, 3);
    stage.at(3s, [&] {  // told now, received long ago
        for (std::size_t i = 0; i < 100; ++i) stage.mixer.push(id, audio::SampleView(sound).subspan(i * 480, 480), kBegan + 1500ms + 10ms * i);
    });
    stage.run(5s);
    CHECK(stage.mixer.stats().lost_samples > 0);
    CHECK(stage.mixer.stats().lost_samples < kRate);
    const auto tail = audio::SampleView(sound).last(20'000).first(19'000);
    CHECK(find(stage.heard(), tail) == static_cast<std::ptrdiff_t>(samples_in(1500ms) + kRate - 20'000));
}

TEST_CASE("what a jitter buffer held back is taken off: phrases are where they were said, whole, however long each was held") {
    const std::vector<std::pair<Duration, Duration>> phrases = {{0ms, 60ms}, {1500ms, 20ms}, {3000ms, 80ms}, {4500ms, 0ms}, {6000ms, 200ms}};
    Stage stage;
    const auto id = stage.mixer.add(Side::Both);
    std::vector<audio::Samples> said;
    Duration end = 0ms;
    for (const auto& [at, held] : phrases) {
        said.push_back(hiss(kRate * 6 / 10, 8000, static_cast<unsigned>(said.size())));
        auto frames = audio::Samples(samples_in(at + held - end), 0);  // a core gives frames of silence in between
        CHECK(frames.size() % Mixer::kFrame == 0);
        frames.insert(frames.end(), said.back().begin(), said.back().end());
        stage.play(id, frames, end);
        end = at + held + 600ms;
        const auto until = at + held + 300ms;
        stage.at(until, [&mixer = stage.mixer, id, until, held] { mixer.held_back(id, kBegan + until, held); });
        stage.at(until + 300ms, [&mixer = stage.mixer, id, until, held] { mixer.held_back(id, kBegan + until + 300ms, held); });
    }
    stage.run(8s);
    for (std::size_t i = 0; i < said.size(); ++i) {
        CAPTURE(i);
        const auto within = inner(said[i]);
        const auto found = find(stage.heard(), within);
        const auto belongs = static_cast<std::ptrdiff_t>(samples_in(phrases[i].first)) + 240 - std::chrono::duration_cast<std::chrono::milliseconds>(stage.mixer.began() - kBegan).count() * 48;
        CHECK(found >= 0);
        CHECK(std::abs(found - belongs) <= 240);
    }
    CHECK(stage.mixer.stats().lost_samples == 0);
}

TEST_CASE("a jitter buffer that shortens or stretches what it gives is followed in the middle of a tone, without a click, and to the end") {
    for (const bool shortens : {true, false}) {
        CAPTURE(shortens);
        Stage stage;
        const auto id = stage.mixer.add(Side::Both);
        auto sound = sine(kRate * 4, 440, 8000);
        const auto word = hiss(kRate, 8000, 3);
        sound.resize(sound.size() + samples_in(500ms));
        sound.insert(sound.end(), word.begin(), word.end());
        stage.play(id, sound, 0ms);
        const auto first = shortens ? 80ms : 20ms, then = shortens ? 20ms : 80ms;
        for (Duration at = 500ms; at < 6s; at += 500ms)
            stage.at(at, [&mixer = stage.mixer, id, held = at < 2s ? first : then, at] { mixer.held_back(id, kBegan + at, held); });
        stage.at(4400ms, [&] {
            CHECK(stage.mixer.stats().gaps + stage.mixer.stats().cuts == 0);
            CHECK(stage.mixer.stats().splices >= 3);
        });
        stage.run(6s);
        const auto& heard = stage.heard();
        CHECK(steepest(audio::Samples(heard.begin(), heard.begin() + kRate * 4 - 9600)) <= steepest_allowed(440, 8000));
        for (std::size_t i = 480; i + 120 < kRate * 4 - 9600; i += 120)  // what meets is alike: no period is weaker
            CHECK(*std::max_element(heard.begin() + static_cast<std::ptrdiff_t>(i), heard.begin() + static_cast<std::ptrdiff_t>(i) + 120) > 7000);
        // The file begins when the first frame came, but for what was held back of it.
        const auto found = find(heard, inner(word)), belongs = static_cast<std::ptrdiff_t>(samples_in(4500ms - then + first)) + 240;
        CHECK(std::abs(found - belongs) <= 240);
    }
}

TEST_CASE("nothing is lost to a jitter buffer that holds back more than the mixer can wait for") {
    Stage stage;
    const auto id = stage.mixer.add(Side::Both);
    const auto sound = hiss(kRate * 3, 8000, 1);
    stage.play(stage.mixer.add(Side::Both), audio::Samples(kRate * 5), 0ms);
    stage.play(id, sound, 1500ms);
    for (Duration at = 500ms; at < 5s; at += 500ms) stage.at(at, [&mixer = stage.mixer, id, at] { mixer.held_back(id, kBegan + at, 3s); });
    stage.run(5s);
    CHECK(stage.mixer.stats().lost_samples == 0);
    CHECK(find(stage.heard(), audio::SampleView(sound).subspan(240, 100'000)) == static_cast<std::ptrdiff_t>(samples_in(1100ms)) + 240);
}

TEST_CASE("a source that begins anew, and late, loses nothing to what a jitter buffer held back") {
    Stage stage;
    const auto id = stage.mixer.add(Side::Both);
    const auto before = hiss(kRate, 8000, 1), after = hiss(kRate, 8000, 2);
    stage.play(id, before, 0ms);
    stage.play(id, after, 3s, 1, [](std::size_t i) -> Duration { return std::max(0ms, 800ms - 10ms * static_cast<int>(i)); });
    stage.at(1s, [&] { stage.mixer.held_back(id, kBegan + 1s, 400ms); });
    stage.run(6s);
    CHECK(stage.mixer.stats().lost_samples == 0);
    CHECK(stage.mixer.stats().splices > 0);  // it goes to its place by and by
}

TEST_CASE("a removed source is heard to its end, and forgotten") {
    Stage stage;
    const auto first = stage.mixer.add(Side::Both), id = stage.mixer.add(Side::Both);
    stage.play(first, audio::Samples(kRate * 4), 0ms);
    const auto sound = hiss(kRate, 9000, 3);
    stage.play(id, sound, 1s);
    stage.at(2s, [&] { stage.mixer.remove(id); });
    stage.run(4s);
    CHECK(find(stage.heard(), audio::SampleView(sound).subspan(240, sound.size() - 480)) == kRate + 240);
    CHECK(stage.mixer.sources() == 1);
}

TEST_CASE("sides: left, right and both, and one channel has everybody") {
    const auto left = sine(kRate, 300, 5000), right = sine(kRate, 500, 4000), both = sine(kRate, 700, 3000);
    for (const int channels : {1, 2}) {
        Stage stage(channels);
        stage.play(stage.mixer.add(Side::Left), left, 0ms);
        stage.play(stage.mixer.add(Side::Right), right, 0ms);
        stage.play(stage.mixer.add(Side::Both), both, 0ms);
        stage.run(1s);
        for (std::size_t i = 0; i < static_cast<std::size_t>(kRate) - 240; i += 97) {
            if (channels == 1) {
                REQUIRE(stage.heard()[i] == left[i] + right[i] + both[i]);
            } else {
                REQUIRE(stage.heard(0)[i] == left[i] + both[i]);
                REQUIRE(stage.heard(1)[i] == right[i] + both[i]);
            }
        }
    }
}

TEST_CASE("the limiter keeps a sum of two inside, in its shape, and lets go afterwards") {
    Stage stage;
    const auto loud = sine(kRate * 2, 1000, 30000);
    const auto soft = sine(kRate * 4, 150, 2000);
    stage.play(stage.mixer.add(Side::Both), soft, 0ms);
    stage.play(stage.mixer.add(Side::Both), loud, 1s);
    stage.play(stage.mixer.add(Side::Both), loud, 1s);
    stage.run(4s);
    const auto& out = stage.heard();
    // Clipped, a tenth of the samples would be flat.
    std::size_t flat = 0;
    for (std::size_t i = 1; i < out.size(); ++i) flat += std::abs(out[i]) >= 32766 && out[i] == out[i - 1];
    CHECK(flat < 20);
    // While it is loud: the same shape, smaller.
    const auto from = static_cast<std::size_t>(kRate * 3 / 2);
    double with = 0, own = 0, theirs = 0;
    for (std::size_t i = from; i < from + kRate; ++i) {
        const double wanted = 2.0 * loud[i - kRate] + soft[i], got = out[i];
        with += wanted * got;
        own += got * got;
        theirs += wanted * wanted;
    }
    CHECK(with / std::sqrt(own * theirs) > 0.999);
    CHECK(*std::max_element(out.begin(), out.end()) > 32000);
    // Untouched before the line to the peak begins, and half a second after it.
    CHECK(std::equal(out.begin(), out.begin() + kRate - 300, soft.begin()));
    CHECK(std::equal(out.end() - kRate / 2, out.end() - 240, soft.end() - kRate / 2));
    CHECK(stage.mixer.stats().limited > 90);
    CHECK(steepest(out) <= 32767 * 2 * std::numbers::pi * 1000 / kRate + 400);
}

TEST_CASE("a peak of one sample is inside, too") {
    Limiter limiter;
    std::vector<std::int32_t> in(Limiter::kStep * 40 + Limiter::kAheadSamples, 1000);
    for (const std::size_t at : {500u, 959u, 960u, 1200u}) in[at] = 300'000;
    in[1500] = -300'000;
    audio::Samples out(Limiter::kStep * 40);
    limiter.process(in.data(), 40, out.data(), 1);
    CHECK(out[500] == 32767);
    CHECK(out[1500] >= -32768);
    CHECK(out[1500] < -32700);
    CHECK(out[100] == 1000);
    CHECK(out[499] < 150);  // the gain was down before it
}

TEST_CASE("whatever comes when: nothing is lost, and everything is within 20 ms of its time") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
        Stage stage;
        const auto clock = stage.mixer.add(Side::Both);
        stage.play(clock, audio::Samples(kRate * 20), 0ms);
        struct Phrase {
            audio::Samples sound;
            Duration from;
        };
        std::vector<Phrase> phrases;
        // One after another, so that each can be found as it was said; each a source of its own, some late, some in bursts.
        for (auto from = Duration(std::chrono::milliseconds(pick(0, 900))); from < 17s; from += 1200ms + std::chrono::milliseconds(pick(0, 900))) {
            phrases.push_back({hiss(480u * static_cast<unsigned>(pick(30, 100)), 8000, seed * 1000 + static_cast<unsigned>(phrases.size())), from});
            // A burst that never ends before the phrase does could as well be a gap.
            const int frames = static_cast<int>(phrases.back().sound.size() / 480);
            const int calm = pick(0, 12), stuck = pick(0, 20), until = std::min(stuck + pick(0, 60), frames - 5);
            const auto id = stage.mixer.add(Side::Both);
            stage.play(id, phrases.back().sound, from, 1, [&](std::size_t i) -> Duration {
                const int frame = static_cast<int>(i);
                if (i == 25) return 0ms;
                return frame >= stuck && frame < until ? 10ms * (until - frame) + 1ms * calm : std::chrono::milliseconds(pick(0, calm));
            });
            stage.at(from + 1500ms, [&stage, id] { stage.mixer.remove(id); });
        }
        auto held = Duration(std::chrono::milliseconds(pick(1000, 12000)));
        stage.run(20s, [&](Duration now) { return now > held && now < held + 2s; });
        CHECK(stage.mixer.stats().lost_samples == 0);
        CHECK(stage.mixer.rendered() == kRate * 20);
        for (const auto& phrase : phrases) {
            const auto at = find(stage.heard(), audio::SampleView(phrase.sound).subspan(240, phrase.sound.size() - 480)) - 240;
            CHECK(std::abs(at - static_cast<std::ptrdiff_t>(samples_in(phrase.from))) <= kRate / 50);
        }
    }
}
