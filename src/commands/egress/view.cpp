#include "commands/egress/view.h"

#include <algorithm>

#include "commands/interrupt.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressInfo;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::int64_t kNanosPerMs = 1'000'000;

Json time_or_null(std::int64_t nanoseconds) {
    if (nanoseconds <= 0) return nullptr;
    return format_time(from_milliseconds(nanoseconds / kNanosPerMs));
}

std::string source_of(const EgressInfo& info) {
    switch (info.request_case()) {
        case EgressInfo::kRoomComposite: return info.room_composite().audio_only() ? "room (audio)" : "room";
        case EgressInfo::kWeb: return "web";
        case EgressInfo::kParticipant: return "participant " + info.participant().identity();
        case EgressInfo::kTrackComposite: return "tracks";
        case EgressInfo::kTrack: return "track " + info.track().track_id();
        case EgressInfo::kEgress:
            if (info.egress().has_media()) return "media";
            if (info.egress().has_web()) return "web";
            return info.egress().template_().audio_only() ? "room (audio)" : "room";
        case EgressInfo::kReplay: return "replay";
        default: return "";
    }
}

// What came out says how long it is; until then the clock does.
std::int64_t duration_ms(const EgressInfo& info, system_clock::time_point now) {
    std::int64_t longest = 0;
    for (const auto& one : info.file_results()) longest = std::max(longest, one.duration());
    for (const auto& one : info.segment_results()) longest = std::max(longest, one.duration());
    for (const auto& one : info.stream_results()) longest = std::max(longest, one.duration());
    if (longest > 0) return longest / kNanosPerMs;
    if (info.started_at() <= 0) return 0;
    const auto now_ms = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
    const auto end = info.ended_at() > 0 ? info.ended_at() / kNanosPerMs : now_ms;
    return std::max<std::int64_t>(0, end - info.started_at() / kNanosPerMs);
}

std::int64_t size_of(const EgressInfo& info) {
    std::int64_t sum = 0;
    for (const auto& one : info.file_results()) sum += one.size();
    for (const auto& one : info.segment_results()) sum += one.size();
    return sum;
}

Json places_of(const EgressInfo& info, const Json& shown) {
    Json out = Json::array();
    const auto add = [&out](const std::string& place, const std::string& otherwise) {
        if (const auto& text = place.empty() ? otherwise : place; !text.empty()) out.push_back(valid_utf8(text));
    };
    for (const auto& one : info.file_results()) add(one.location(), one.filename());
    for (const auto& one : info.segment_results()) add(one.playlist_location(), one.playlist_name());
    for (const auto& one : info.image_results()) add(one.filename_prefix(), "");
    for (const auto& one : shown["streamResults"]) add(scalar_text(one["url"]), "");  // without their keys
    return out;
}

std::string joined(const Json& places) {
    std::vector<std::string> out;
    for (const auto& one : places) out.push_back(scalar_text(one));
    return fmt::format("{}", fmt::join(out, " "));
}

std::string status_text(const Json& item) {
    const auto text = to_lower_ascii(scalar_text(item["status"]));
    return text.starts_with("egress_") ? text.substr(7) : text;
}

std::string duration_text(const Json& item) { return format_duration(milliseconds(item["durationMs"].get<std::int64_t>())); }

std::string size_text(const Json& item) {
    const auto bytes = item["sizeBytes"].get<std::int64_t>();
    return bytes > 0 ? format_bytes(bytes) : "";
}

bool reached(const EgressInfo& info, EgressWait::For until) {
    if (info.status() == livekit::proto::EGRESS_COMPLETE || info.status() == livekit::proto::EGRESS_LIMIT_REACHED) return true;
    return until == EgressWait::For::Active && (info.status() == livekit::proto::EGRESS_ACTIVE || info.status() == livekit::proto::EGRESS_ENDING);
}

Result<void> check_not_failed(const EgressInfo& info) {
    if (info.status() != livekit::proto::EGRESS_FAILED && info.status() != livekit::proto::EGRESS_ABORTED) return {};
    const auto code = info.error_code() != 0 ? fmt::format(" (code {})", info.error_code()) : "";
    const auto reason = info.error().empty() ? std::string("no reason given") : terminal_safe(valid_utf8(info.error()));
    return fail_with_hint(Errc::CheckFailed, fmt::format("egress {} {}: {}{}", info.egress_id(), status_name(info.status()), reason, code),
                          info.details().empty() ? std::string("look at the log of the egress service") : terminal_safe(valid_utf8(info.details())));
}

/// Several at once: one that failed ends the wait, whichever it is.
class Watched {
 public:
    Watched(const std::vector<std::string>& ids, EgressWait::For until) : until_(until), items_(ids.size()) {
        for (std::size_t i = 0; i < ids.size(); ++i) items_[i].set_egress_id(ids[i]);
    }
    Result<void> look(livekit::EgressApi& api) {
        for (auto& one : items_) {
            if (reached(one, until_)) continue;
            VC_TRY_ASSIGN(one, api.get(one.egress_id()));
            VC_TRY(check_not_failed(one));
        }
        return {};
    }
    /// One that is not there yet.
    const EgressInfo* waiting() const {
        for (const auto& one : items_)
            if (!reached(one, until_)) return &one;
        return nullptr;
    }
    const std::vector<EgressInfo>& items() const { return items_; }

 private:
    EgressWait::For until_;
    std::vector<EgressInfo> items_;
};

std::unexpected<Error> too_late(const EgressInfo& info, const EgressWait& wait) {
    const bool starting = info.status() == livekit::proto::EGRESS_STARTING;
    return fail_with_hint(Errc::Timeout,
                          fmt::format("egress {} is still {} after {}", info.egress_id(), status_name(info.status()), format_duration(wait.limit)),
                          starting ? "a recording becomes active with the first sound: is anybody in the room publishing?"
                                   : fmt::format("voicectl egress stop {} ends it", info.egress_id()));
}

}  // namespace

std::string status_name(livekit::proto::EgressStatus status) {
    const auto name = to_lower_ascii(livekit::proto::EgressStatus_Name(status));
    return name.starts_with("egress_") ? name.substr(7) : fmt::format("in state {}", static_cast<int>(status));
}

std::string format_bytes(std::int64_t bytes) {
    if (bytes < 1000) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes);
    const char* units[] = {"kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (value /= 1000; value >= 999.5 && unit < 3; value /= 1000) ++unit;
    return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, units[unit]);
}

Json egress_json(const EgressInfo& info, system_clock::time_point now) {
    auto out = livekit::to_json(info);
    out["source"] = valid_utf8(source_of(info));
    out["startedTime"] = time_or_null(info.started_at());
    out["endedTime"] = time_or_null(info.ended_at());
    out["updatedTime"] = time_or_null(info.updated_at());
    out["durationMs"] = duration_ms(info, now);
    out["sizeBytes"] = size_of(info);
    out["places"] = places_of(info, out);
    return out;
}

std::string egress_text(const Json& egress) {
    auto out = fmt::format("{} {}", scalar_text(egress["egressId"]), status_text(egress));
    const auto line = [&out](const char* name, const std::string& value) {
        if (!value.empty()) out += fmt::format("\n  {:<9} {}", name, terminal_safe(value));
    };
    line("room", scalar_text(egress["roomName"]));
    line("source", scalar_text(egress["source"]));
    line("started", scalar_text(egress["startedTime"]));
    line("ended", scalar_text(egress["endedTime"]));
    line("duration", duration_text(egress));
    line("size", size_text(egress));
    for (const auto& place : egress["places"]) line("place", scalar_text(place));
    line("manifest", scalar_text(egress["manifestLocation"]));
    line("details", scalar_text(egress["details"]));
    line("error", scalar_text(egress["error"]));
    return out;
}

std::vector<Column> egress_columns(Format format) {
    const bool raw = format == Format::Tsv;
    const auto duration = raw ? column("DURATION", "durationMs") : Column{"DURATION", duration_text};
    const auto size = raw ? column("SIZE", "sizeBytes") : Column{"SIZE", size_text};
    return {column("ID", "egressId"), column("ROOM", "roomName"), {"STATUS", status_text}, column("SOURCE", "source"), duration, size,
            {"PLACE", [](const Json& item) { return joined(item["places"]); }}, column("ERROR", "error"), column("STARTED", "startedTime", true), column("ENDED", "endedTime", true), column("DETAILS", "details", true)};
}

void sort_egress(std::vector<EgressInfo>& items) {
    std::sort(items.begin(), items.end(), [](const EgressInfo& a, const EgressInfo& b) {
        if (a.started_at() != b.started_at()) return a.started_at() > b.started_at();
        return a.egress_id() < b.egress_id();
    });
}

Result<EgressWait> parse_egress_wait(const std::string& text) {
    const auto equals = text.find('=');
    const auto what = text.substr(0, equals);
    EgressWait wait{what == "complete" ? EgressWait::For::Complete : EgressWait::For::Active, what == "complete" ? milliseconds(86'400'000) : milliseconds(60'000)};
    if (what != "active" && what != "complete")
        return fail_with_hint(Errc::Usage, fmt::format("cannot wait for '{}'", terminal_safe(text)), "wait for active or complete, with a time: active=30s");
    if (equals != std::string::npos) {
        VC_TRY_ASSIGN(wait.limit, parse_duration(text.substr(equals + 1)));
    }
    if (wait.limit.count() == 0) return fail(Errc::Usage, "a wait of no time waits for nothing");
    return wait;
}

Result<std::vector<EgressInfo>> wait_for_all(Env& env, livekit::EgressApi& api, const std::vector<std::string>& ids, const EgressWait& wait) {
    const auto begun = Clock::now();
    Interrupt interrupt;
    const milliseconds pace(wait.until == EgressWait::For::Active ? 250 : 500);
    Watched watched(ids, wait.until);
    while (true) {
        const auto looked = watched.look(api);
        const auto elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
        if (!looked || watched.waiting() == nullptr || elapsed >= wait.limit) env.out.progress("");
        VC_TRY(looked);
        const auto* behind = watched.waiting();
        if (behind == nullptr) break;
        if (elapsed >= wait.limit) return too_late(*behind, wait);
        env.out.progress(fmt::format("egress {} is {} ({})", behind->egress_id(), status_name(behind->status()), format_duration(elapsed)));
        VC_TRY(interrupt.sleep_until(Clock::now() + std::min(pace, std::max(milliseconds(1), wait.limit - elapsed))));
    }
    for (const auto& one : watched.items())
        if (one.status() == livekit::proto::EGRESS_LIMIT_REACHED)
            env.out.note(fmt::format("egress {} ended at a limit of its service; what it wrote until then is usable", one.egress_id()));
    return watched.items();
}

Result<EgressInfo> wait_for_egress(Env& env, livekit::EgressApi& api, const std::string& id, const EgressWait& wait) {
    VC_TRY_ASSIGN(const auto all, wait_for_all(env, api, {id}, wait));
    return all.front();
}

}  // namespace voicectl::commands
