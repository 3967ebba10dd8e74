#include "voicectl/agent/call_recordings.h"

#include <algorithm>

#include "voicectl/base/text.h"

namespace voicectl::agent {

bool is_of(const store::Recording& recording, const store::Call& call, store::SystemTime now) {
    if (recording.room != call.room || (!recording.started_at && !recording.ended_at)) return false;
    const auto began = recording.started_at.value_or(*recording.ended_at), ended = recording.ended_at.value_or(now);
    const auto call_ended = call.ended_at.value_or(now);
    const auto shared = std::min(ended, call_ended) - std::max(began, call.started_at);
    const auto shorter = std::min(ended - began, call_ended - call.started_at);
    return shared.count() >= 0 && shared * 2 >= shorter;
}

Result<std::vector<store::Recording>> call_recordings(store::Store& store, const store::Call& call) {
    VC_TRY_ASSIGN(auto all, store.webhooks().recordings(call.room, 0));
    const auto now = std::chrono::system_clock::now();
    std::erase_if(all, [&](const store::Recording& one) { return !is_of(one, call, now); });
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.duration > b.duration; });
    return all;
}

nlohmann::ordered_json recording_json(const store::Recording& r) {
    using Json = nlohmann::ordered_json;
    const auto time = [](const std::optional<store::SystemTime>& at) { return at ? Json(format_time(*at)) : Json(nullptr); };
    return {{"egressId", r.egress_id},   {"room", r.room},           {"roomSid", r.room_sid},           {"status", r.status}, {"location", r.location},
            {"durationMs", r.duration.count()}, {"size", r.size}, {"startedAt", time(r.started_at)}, {"endedAt", time(r.ended_at)}, {"error", r.error}};
}

}  // namespace voicectl::agent
