#include "core/egress/outcome.h"

namespace voicectl::egress {
namespace {

using namespace livekit::proto;

constexpr const char* kNeverBegan = "Start signal not received";
constexpr int kPreconditionFailed = 412, kTooLarge = 413, kBadRequest = 400, kNotFound = 404, kUnavailable = 503, kInternal = 500;

std::string reason(std::string_view why) { return fmt::format("End reason: {}", why); }

Outcome of_nothing_heard(const Ended& ended, std::string_view asked) {
    Outcome out{EGRESS_ABORTED, kNeverBegan, kPreconditionFailed, {}, false, false};
    if (ended.why == Ended::Why::Stopped) out.error = "Stop called before pipeline could start";
    if (ended.why == Ended::Why::Limit) out.error = "Session limit reached before start signal";
    out.details = reason(ended.why == Ended::Why::Stopped ? asked : ended.why == Ended::Why::Limit ? "Session limit reached" : "Source closed");
    return out;
}

}  // namespace

Outcome outcome_of(const Ended& ended, std::string_view asked) {
    using Why = Ended::Why;
    if (ended.why == Why::Duplicate) return {EGRESS_ABORTED, {}, 0, {}, false, true};
    if (ended.why == Why::NotThere) return {EGRESS_FAILED, ended.error.message, kNotFound, reason("Failure"), ended.has_file, false};
    if (ended.why == Why::Failed)
        return {EGRESS_FAILED, fmt::format("{}{}", ended.has_file ? "recording ended early: " : "", ended.error.message), kInternal, reason("Failure"), ended.has_file, false};
    if (ended.why == Why::RoomLost)
        return {EGRESS_FAILED, fmt::format("recording ended early: connection to room failed: {}", ended.error.message), kUnavailable, reason("Source closed"), ended.has_file, false};
    if (!ended.has_file) return of_nothing_heard(ended, asked);
    if (ended.why == Why::Limit) return {EGRESS_LIMIT_REACHED, "Session limit reached", kTooLarge, reason("Session limit reached"), true, false};
    return {EGRESS_COMPLETE, {}, 0, reason(ended.why == Why::Stopped ? asked : "Source closed"), true, false};
}

Outcome outcome_of_orphan(const livekit::proto::EgressInfo& info, bool recorded) {
    if (recorded && info.file_results(0).ended_at() != 0) {  // it had come to its end, and was only to be stored
        const auto status = info.error_code() == kTooLarge ? EGRESS_LIMIT_REACHED : info.error().empty() ? EGRESS_COMPLETE : EGRESS_FAILED;
        return {status, info.error(), info.error_code(), info.details(), true, false};
    }
    return {EGRESS_FAILED, recorded ? "recording ended early: its worker died; the file holds what was recorded until then" : "the worker died before anything was recorded", kInternal,
            reason("Failure"), recorded, false};
}

Outcome not_stored(Outcome outcome, const Error& error) {
    outcome.status = EGRESS_FAILED;
    // The hint speaks of our flags, which whoever asked for the recording does not have.
    outcome.error = error.message + "; the recorder keeps the file and tries again";
    outcome.error_code = kBadRequest;
    return outcome;
}

}  // namespace voicectl::egress
