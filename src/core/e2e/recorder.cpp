#include "recorder.h"

#include <algorithm>
#include <filesystem>

#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/text.h"

namespace voicectl::e2e {
namespace {

constexpr int kRate = audio::kSpeechRateHz;
constexpr double kSilentDbfs = -60;

std::string decibels(double level) { return fmt::format("{:.0f} dBFS", level); }

}  // namespace

audio::Samples Recorder::caller_track(TimePoint began, std::size_t length) const {
    audio::Samples track(length, 0);
    for (const auto& said : said_) {
        const auto clip = audio::resample(said.audio, kRate);
        const auto bounds = audio::speech_bounds(clip);
        const auto offset = std::chrono::duration_cast<std::chrono::microseconds>(said.first_sound - began).count() * kRate / 1'000'000 -
                            static_cast<std::int64_t>(bounds.first);
        for (std::size_t i = 0; i < clip.samples.size(); ++i) {
            const auto at = offset + static_cast<std::int64_t>(i);
            if (at >= 0 && at < static_cast<std::int64_t>(length)) track[static_cast<std::size_t>(at)] = clip.samples[i];
        }
    }
    return track;
}

Result<Seen> Recorder::write(const std::string& folder, Ears& ears) const {
    const auto began = ears.recording_began();
    const auto agent = ears.recording();
    if (!began) return fail(Errc::CheckFailed, "no audio of the agent was received");
    const auto caller = caller_track(*began, agent.samples.size());

    audio::Pcm both{kRate, 2, {}};
    both.samples.reserve(agent.samples.size() * 2);
    for (std::size_t i = 0; i < agent.samples.size(); ++i) {
        both.samples.push_back(caller[i]);
        both.samples.push_back(agent.samples[i]);
    }
    const std::filesystem::path root(folder);
    VC_TRY(audio::write_file((root / "agent.wav").string(), agent));
    VC_TRY(audio::write_file((root / "caller.wav").string(), {kRate, 1, caller}));
    VC_TRY(audio::write_file((root / "call.wav").string(), both));

    const auto agent_peak = audio::measure(agent.samples).peak_dbfs;
    const auto caller_peak = audio::measure(caller).peak_dbfs;
    if (agent_peak < kSilentDbfs || caller_peak < kSilentDbfs)
        return fail(Errc::CheckFailed, "a side is silent: caller {}, agent {} at the loudest", decibels(caller_peak), decibels(agent_peak));
    Seen seen;
    seen.detail = fmt::format("{} in {}", format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(agent.duration())), folder);
    seen.evidence = {{"folder", folder}, {"callerPeakDbfs", caller_peak}, {"agentPeakDbfs", agent_peak}};
    return seen;
}

}  // namespace voicectl::e2e
