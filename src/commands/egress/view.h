// How recordings are shown, and waited for. Main thread.
#pragma once

#include <chrono>
#include <string>

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// The message as JSON, and beside it `source`, `startedTime`, `endedTime`, `updatedTime` (RFC 3339 or null),
/// `durationMs`, `sizeBytes` and `places`.
Json egress_json(const livekit::proto::EgressInfo& info, std::chrono::system_clock::time_point now = std::chrono::system_clock::now());
/// Several lines for people.
std::string egress_text(const Json& egress);
/// For Tsv milliseconds and bytes as plain numbers.
std::vector<Column> egress_columns(Format format = Format::Table);
/// "active", "complete", …
std::string status_name(livekit::proto::EgressStatus status);
/// "1.5 MB"
std::string format_bytes(std::int64_t bytes);

/// Newest first, then by id.
void sort_egress(std::vector<livekit::proto::EgressInfo>& items);

struct EgressWait {
    enum class For { Active, Complete } until = For::Active;
    std::chrono::milliseconds limit{0};
};
/// `active`, `complete`, each with `=DUR`. Usage for anything else.
Result<EgressWait> parse_egress_wait(const std::string& text);

/// CheckFailed at once, with the egress's own error, when it failed or was aborted; Timeout when the time is over.
Result<std::vector<livekit::proto::EgressInfo>> wait_for_all(Env& env, livekit::EgressApi& api, const std::vector<std::string>& ids, const EgressWait& wait);
Result<livekit::proto::EgressInfo> wait_for_egress(Env& env, livekit::EgressApi& api, const std::string& id, const EgressWait& wait);

}  // namespace voicectl::commands
