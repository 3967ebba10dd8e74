#include "commands/webhook/event_names.h"

#include <algorithm>

#include "commands/nearest.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook_samples.h"

namespace voicectl::commands {

Result<void> check_event_names(const std::string& flag, const std::vector<std::string>& names) {
    const auto& known = livekit::webhook_events();
    for (const auto& name : names) {
        if (name == "unknown" || std::find(known.begin(), known.end(), name) != known.end()) continue;  // "unknown": what we could not read
        return fail_with_hint(Errc::Usage, fmt::format("{}: LiveKit has no event '{}'{}", flag, terminal_safe(name), nearest(known, name)),
                              fmt::format("there are: {}", fmt::join(known, ", ")));
    }
    return {};
}

}  // namespace voicectl::commands
