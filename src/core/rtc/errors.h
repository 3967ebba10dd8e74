// What the core says when something fails, as causes that a caller can act on. Plain values, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ffi.pb.h"
#include "voicectl/base/result.h"

namespace voicectl::rtc {

/// Why joining failed: the core's nested text, cleaned of noise and secrets, with its cause.
Error join_error(std::string_view text);

/// Why any other request failed.
Error request_error(std::string_view what, std::string_view text);

/// Why the room ended for good; nothing when joining again may help.
std::optional<Error> final_error(::livekit::proto::DisconnectReason reason);

/// For a log line.
std::string_view to_string(::livekit::proto::DisconnectReason reason);

}  // namespace voicectl::rtc
