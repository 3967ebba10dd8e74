// Which grants a raw call needs, by service and method. Values, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "commands/output.h"
#include "voicectl/livekit/token.h"

namespace voicectl::commands {

/// "create", "list", …, as --grant takes them.
const std::vector<std::string>& grant_names();

/// `given` when there is any, else what the call is known to need; Usage when that is not known.
Result<livekit::Claims> api_claims(std::string_view service, std::string_view method, const std::vector<std::string>& given);

/// A service as the server spells it, whatever the case: "roomservice" is RoomService. Of others, as given.
std::string service_name(const std::string& given);
/// Those that may have been meant by an unknown one, and those there are.
std::string service_hint(std::string_view service);

/// The room that a request is about, and the one that it moves or forwards to; empty: none.
std::string named_room(const Json& request);
std::string named_destination(const Json& request);

}  // namespace voicectl::commands
