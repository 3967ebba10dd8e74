// Times as LiveKit's records and its bus have them: nanoseconds since 1970. Values, any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace voicectl::livekit {

inline std::int64_t to_nanoseconds(std::chrono::system_clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}
inline std::chrono::system_clock::time_point from_nanoseconds(std::int64_t at) {
    return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(at)));
}

}  // namespace voicectl::livekit
