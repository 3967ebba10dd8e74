#include "egress_check.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "voicectl/audio/inspect.h"
#include "voicectl/base/atomic_file.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/s3.h"
#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::e2e {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kStored{20}, kToldOf{5};
constexpr milliseconds kLookAgain{100};
constexpr unsigned kOwnersFile = 0600;  // what is said in a call is private

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
    if (!storage_ && chmod(file.location().c_str(), kOwnersFile) != 0) return fail(Errc::Io, "cannot use {}: {}", file.location(), std::strerror(errno));
    return Seen{fmt::format("{}, {} KiB", file.location(), file.size() / 1024), {{"location", file.location()}, {"bytes", file.size()}, {"durationMs", file.duration() / 1'000'000}}};
}

Result<Seen> EgressCheck::heard() const {
    const auto& file = info_.file_results(0);
    VC_TRY_ASSIGN(const auto path, storage_ ? fetch() : Result<std::string>(file.location()));
    VC_TRY_ASSIGN(const auto seen, audio::inspect_file(path));
    const nlohmann::ordered_json evidence{{"durationMs", seen.duration.count()}, {"channels", seen.file.channels}, {"peakDbfs", seen.peak_dbfs}, {"correlation", seen.correlation.value_or(0)}};
    if (!seen.incomplete.empty()) return fail(Errc::CheckFailed, "the file looks cut off: {}", seen.incomplete);
    if (seen.file.channels != 2 || !seen.channels_differ()) return fail(Errc::CheckFailed, "there are not two live and different sides in it");
    const auto told = milliseconds(file.duration() / 1'000'000);
    if (const auto off = std::chrono::abs(seen.duration - told); off > milliseconds(50)) return fail(Errc::CheckFailed, "it lasts {}, and LiveKit was told {}", format_duration(seen.duration), format_duration(told));
    return Seen{fmt::format("{} in stereo, agent left, caller right", format_duration(seen.duration)), evidence};
}

/// The object as it is in the storage; its path here.
Result<std::string> EgressCheck::fetch() const {
    const auto& file = info_.file_results(0);
    const auto name = std::filesystem::path(file.filename()).filename().string();
    if (file.location() != livekit::object_location(*storage_, file.filename())) return fail(Errc::CheckFailed, "LiveKit was told that it is at {}", file.location());
    VC_TRY_ASSIGN(const auto url, livekit::object_url(*storage_, file.filename()));
    VC_TRY_ASSIGN(const auto answer, http_.send(livekit::s3_request(*storage_, "GET", url)));
    if (answer.status != 200) return std::unexpected(livekit::explain_s3(answer, *storage_, std::chrono::system_clock::now()).while_doing("fetching it from S3"));
    if (answer.header("content-type") != "audio/ogg") return fail(Errc::CheckFailed, "in S3 its type is '{}'", terminal_safe(answer.header("content-type")));
    if (static_cast<std::int64_t>(answer.body.size()) != file.size()) return fail(Errc::CheckFailed, "S3 has {} bytes of it, and LiveKit was told {}", answer.body.size(), file.size());
    auto path = folder_ + "/" + name;
    VC_TRY(write_file_atomically(path, answer.body, kOwnersFile));
    return path;
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
