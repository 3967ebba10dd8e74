#include "egress_check.h"

#include <thread>

#include "voicectl/audio/inspect.h"
#include "voicectl/base/text.h"
#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::e2e {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kStored{20}, kToldOf{5};
constexpr milliseconds kLookAgain{100};

}  // namespace

void EgressCheck::plan(Checks& checks) {
    checks.plan("egress_complete", "recording complete");
    checks.plan("egress_heard", "both sides in the recording");
    checks.plan("egress_bound", "recording bound to the call");
}

Result<Seen> EgressCheck::start(const std::string& room) {
    livekit::proto::RoomCompositeEgressRequest request;
    request.set_room_name(room);
    request.set_audio_only(true);
    request.set_audio_mixing(livekit::proto::DUAL_CHANNEL_AGENT);
    auto& file = *request.add_file_outputs();
    file.set_file_type(livekit::proto::OGG);
    file.set_filepath("{room_name}.ogg");
    file.set_disable_manifest(true);
    VC_TRY_ASSIGN(info_, api_.start_room_composite(request));
    return Seen{info_.egress_id(), {{"egressId", info_.egress_id()}}};
}

void EgressCheck::run(Checks& checks, const std::string& store_path) {
    if (!checks.in_the_call("egress_complete", [&] { return complete(); })) return;
    checks.in_the_call("egress_heard", [&] { return heard(); });
    checks.in_the_call("egress_bound", [&] { return bound(store_path); });
}

Result<Seen> EgressCheck::complete() {
    VC_TRY(api_.stop(info_.egress_id()));
    const auto deadline = Deadline::in(kStored);
    do {
        VC_TRY_ASSIGN(info_, api_.get(info_.egress_id()));
        if (livekit::is_final(info_.status())) break;
        std::this_thread::sleep_for(kLookAgain);
    } while (!deadline.passed());
    if (info_.status() != livekit::proto::EGRESS_COMPLETE || info_.file_results().empty())
        return fail(Errc::CheckFailed, "it is {}{}{}", livekit::proto::EgressStatus_Name(info_.status()), info_.error().empty() ? "" : ": ", info_.error());
    const auto& file = info_.file_results(0);
    return Seen{fmt::format("{}, {} KiB", file.location(), file.size() / 1024), {{"location", file.location()}, {"bytes", file.size()}, {"durationMs", file.duration() / 1'000'000}}};
}

Result<Seen> EgressCheck::heard() const {
    const auto& file = info_.file_results(0);
    VC_TRY_ASSIGN(const auto seen, audio::inspect_file(file.location()));
    const nlohmann::ordered_json evidence{{"durationMs", seen.duration.count()}, {"channels", seen.file.channels}, {"peakDbfs", seen.peak_dbfs}, {"correlation", seen.correlation.value_or(0)}};
    if (!seen.incomplete.empty()) return fail(Errc::CheckFailed, "the file looks cut off: {}", seen.incomplete);
    if (seen.file.channels != 2 || !seen.channels_differ()) return fail(Errc::CheckFailed, "there are not two live and different sides in it");
    const auto told = milliseconds(file.duration() / 1'000'000);
    if (const auto off = std::chrono::abs(seen.duration - told); off > milliseconds(50)) return fail(Errc::CheckFailed, "it lasts {}, and LiveKit was told {}", format_duration(seen.duration), format_duration(told));
    return Seen{fmt::format("{} in stereo, agent left, caller right", format_duration(seen.duration)), evidence};
}

Result<Seen> EgressCheck::bound(const std::string& store_path) const {
    const auto deadline = Deadline::in(kToldOf);
    do {
        VC_TRY_ASSIGN(const auto store, store::Store::open_existing(store_path));
        VC_TRY_ASSIGN(const auto recordings, store->webhooks().recordings(info_.room_name(), 10));
        for (const auto& one : recordings)
            if (one.egress_id == info_.egress_id() && one.location == info_.file_results(0).location() && one.status == "EGRESS_COMPLETE")
                return Seen{"by LiveKit's webhook"};
        std::this_thread::sleep_for(kLookAgain);
    } while (!deadline.passed());
    return fail(Errc::CheckFailed, "LiveKit's webhook of its end is not in the store after {} s", kToldOf.count());
}

}  // namespace voicectl::e2e
