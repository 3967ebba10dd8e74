// How busy this machine is, as it bears on taking another call: CPU (of the machine, and of the cgroup's quota)
// and memory (the same way). Reads /proc and cgroup v2. One owner.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "voicectl/base/loop.h"

namespace voicectl {

class LoadMeter {
 public:
    explicit LoadMeter(std::string proc = "/proc", std::string cgroups = "/sys/fs/cgroup");

    /// Call it steadily, every half second or so.
    void sample(TimePoint now);
    /// Share of the time that was worked, 0…1: average of the last samples. 0 before the second one.
    float cpu() const;
    /// Share of the memory that is taken, 0…1, looked up now.
    float memory() const;

 private:
    static constexpr std::size_t kSamples = 5;
    struct Ticks {
        std::uint64_t all = 0, idle = 0;
    };
    std::optional<Ticks> machine() const;
    std::optional<double> quota_cores() const;
    float cpu_since_last(TimePoint now);

    std::string proc_, cgroup_;
    std::optional<Ticks> last_;
    std::optional<std::uint64_t> last_used_;
    TimePoint last_at_;
    std::deque<float> samples_;
};

}  // namespace voicectl
