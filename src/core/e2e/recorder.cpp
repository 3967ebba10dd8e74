#include "recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/text.h"

namespace voicectl::e2e {
namespace {

constexpr int kRecordRate = audio::kSpeechRateHz;
constexpr double kSilentDbfs = -60;

std::string decibels(double level) { return fmt::format("{:.0f} dBFS", level); }

// What people said is for its owner, from the first byte on and also where a file was there before.
Result<void> write_for_owner(const std::filesystem::path& path, const audio::Pcm& pcm) {
    const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const bool closed_to_others = file >= 0 && fchmod(file, 0600) == 0;
    const int error = errno;
    if (file >= 0) close(file);
    if (!closed_to_others) return fail(Errc::Io, "cannot write {}: {}", path.string(), std::strerror(error));
    return audio::write_file(path.string(), pcm);
}

}  // namespace

audio::Samples Recorder::caller_track(TimePoint began, std::size_t length) const {
    audio::Samples track(length, 0);
    for (const auto& said : said_) {
        const auto clip = audio::resample(said.audio, kRecordRate);
        const auto bounds = audio::speech_bounds(clip);
        const auto offset = std::chrono::duration_cast<std::chrono::microseconds>(said.first_sound - began).count() * kRecordRate / 1'000'000 -
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

    audio::Pcm both{kRecordRate, 2, {}};
    both.samples.reserve(agent.samples.size() * 2);
    for (std::size_t i = 0; i < agent.samples.size(); ++i) {
        both.samples.push_back(caller[i]);
        both.samples.push_back(agent.samples[i]);
    }
    const std::filesystem::path root(folder);
    VC_TRY(write_for_owner(root / "agent.wav", agent));
    VC_TRY(write_for_owner(root / "caller.wav", {kRecordRate, 1, caller}));
    VC_TRY(write_for_owner(root / "call.wav", both));

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
