// Other ways in which the same JSON may have been written. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace voicectl::livekit {

/// Calls `found` with `body` written as each common encoder writes it (LiveKit's own first), until it says true: then so do we.
/// Never called for what is no JSON object, is nested deeper than any event, or is larger than a megabyte.
bool any_form(std::string_view body, const std::function<bool(std::string_view form)>& found);

/// An event as protojson orders it, on one line: by the schema, what that does not know last. `body` is JSON of ours or was looked at.
std::string in_declared_order(std::string_view body);

}  // namespace voicectl::livekit
