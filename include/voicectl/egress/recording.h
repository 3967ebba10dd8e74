// A room recorded into one file: joins it hidden, hears what the plan wants, mixes by the clock (mixer.h), encodes and writes.
// Loop thread; encoding and the file are work of the Workers, which may block on the disk. Who created it owns it; dropping it ends it
// without a word, and leaves the file as far as it was written.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/base/workers.h"
#include "voicectl/egress/plan.h"
#include "voicectl/rtc/room.h"

namespace voicectl::egress {

struct RoomSettings {
    std::string url, token;
    std::function<std::string()> fresh_token;  // as of rtc::RoomOptions
    /// The file goes on with silence while the server is away for so long.
    std::chrono::milliseconds rejoin_for{600000};
};

/// 0: none.
struct Limits {
    std::chrono::nanoseconds duration{0};
    std::int64_t bytes = 0;
};

struct Ended {
    enum class Why {
        Stopped,       // by stop()
        SourceClosed,  // the room was deleted or closed, or we were removed
        TracksGone,    // of a plan that ends with its tracks
        NotThere,      // what the plan names did not come in time
        RoomLost,      // the server did not come back
        Duplicate,     // another recorder has taken our identity, and with it the job
        Limit,
        Failed,        // joining, encoding or the disk
    } why = Why::Stopped;
    Error error{};  // of NotThere, RoomLost and Failed
    /// There is a file: something was heard. It is closed and can be played, also of a recording that failed.
    bool has_file = false;
    std::int64_t bytes = 0;
    std::chrono::nanoseconds began{0}, ended{0};  // system time; 0: it never began
    std::chrono::nanoseconds duration{0};         // of the file
};

class Recording {
 public:
    struct Events {
        /// The first audio packet came: here the file begins.
        std::function<void(std::chrono::system_clock::time_point)> on_first_audio;
        /// Once, the last that is told; the file is closed and the room is left. We may be dropped in it.
        std::function<void(const Ended&)> on_ended;
    };
    struct Stats {
        std::size_t tracks = 0;              // heard now
        std::uint64_t lost_samples = 0;      // at 48 kHz, came too late
        std::uint64_t gaps = 0, cuts = 0;    // where a track was put right
        std::uint64_t limited = 0;           // 20 ms blocks in which the limiter worked
        int peak = 0;                        // of the last 20 ms, 32767 is full scale
        std::int64_t bytes = 0;
        std::chrono::milliseconds recorded{0}, waiting{0};  // waiting: mixed, and not encoded yet
    };

    /// Begins to join at once. `path` ends in what the plan's form wants; the file comes with the first audio, readable by its owner
    /// alone. `core` and `workers` outlive us.
    static std::unique_ptr<Recording> create(Loop& loop, rtc::Core& core, Workers& workers, Plan plan, RoomSettings room, Limits limits,
                                             std::string path, Events events);
    virtual ~Recording() = default;
    /// Finishes the file; on_ended(Stopped) follows, within half a second and what the disk needs.
    virtual void stop() = 0;
    virtual Stats stats() const = 0;
};

}  // namespace voicectl::egress
