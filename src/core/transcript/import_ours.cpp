// What `transcript export` wrote as json and jsonl.
#include <map>
#include <set>

#include "core/transcript/import_json.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;

const std::vector<std::string_view> kCallKeys{"id",     "room",      "attempt",     "agentName", "jobId",     "callerIdentity", "dispatchMetadata", "status",
                                              "reason", "startedAt", "startedAtMs", "endedAt",   "endedAtMs", "durationMs",     "turnCount",        "turns"};
const std::vector<std::string_view> kTurnKeys{"sequence", "speaker", "speakerName", "identity",   "text",        "startedAt", "startedAtMs", "endedAt",
                                              "endedAtMs", "offsetMs", "durationMs", "interrupted", "detail",    "callId",    "room",        "attempt"};
constexpr std::int64_t kLongestCallMs = 100'000'000'000;  // three years: what lies further from its call is a mistake

/// Under `raw` in ms since 1970, else under `key` as text; nothing when it is null or not there.
Result<std::optional<store::SystemTime>> time_in(const json& object, const char* key, const char* raw) {
    using Found = std::optional<store::SystemTime>;
    if (const auto ms = object.find(raw); ms != object.end() && ms->is_number_integer()) {
        const auto count = ms->get<std::int64_t>();
        if (count < 0 || count > kLastMs) return at_line(object, fmt::format("{} is no time", raw));
        return Found(store::SystemTime(std::chrono::milliseconds(count)));
    }
    const auto text = object.find(key);
    if (text == object.end() || text->is_null()) return Found();
    const auto time = parse_others_time(text->is_string() ? text->get<std::string>() : std::string());
    if (!time) return at_line(object, fmt::format("{} is no time", key));
    return time;
}

Result<store::Turn> turn_in(const json& object, std::size_t place) {
    if (!object.is_object()) return fail(Errc::Usage, "turn {} is no object", place);
    const auto wrong = [&](std::string_view what) { return at_line(object, fmt::format("turn {} {}", place, what)); };
    store::Turn turn;
    const auto sequence = object.find("sequence");
    if (sequence == object.end()) turn.sequence = static_cast<int>(place);
    else if (!sequence->is_number_integer() || *sequence < 0 || *sequence > 100'000'000) return wrong("has no usable sequence");
    else turn.sequence = sequence->get<int>();
    const auto speaker = text_at(object, "speaker");
    if (speaker != "agent" && speaker != "user") return wrong("has a speaker that is neither agent nor user");
    turn.speaker = speaker == "agent" ? store::Speaker::Agent : store::Speaker::User;
    if (const auto text = object.find("text"); text == object.end() || !text->is_string()) return wrong("has no text");
    turn.text = text_at(object, "text");
    turn.identity = text_at(object, "identity");
    VC_TRY_ASSIGN(const auto began, time_in(object, "startedAt", "startedAtMs"));
    VC_TRY_ASSIGN(const auto ended, time_in(object, "endedAt", "endedAtMs"));
    turn.started_at = began.value_or(store::SystemTime{});
    turn.ended_at = ended.value_or(store::SystemTime{});
    turn.interrupted = object.value("interrupted", json()) == true;
    if (const auto detail = object.find("detail"); detail != object.end() && detail->is_object())
        if (const auto plain = without_lines(*detail); !plain.empty()) turn.detail_json = json_text(plain);
    return turn;
}

Result<std::optional<int>> attempt_in(const json& object) {
    const auto found = object.find("attempt");
    if (found == object.end() || found->is_null()) return std::optional<int>();
    if (!found->is_number_integer() || *found < 1 || *found > 1'000'000) return at_line(object, "attempt is no number from 1");
    return std::optional<int>(found->get<int>());
}

void use_hints(Imported& one, const ImportHints& hints) {
    if (!hints.room.empty()) one.call.room = hints.room;
    if (hints.started_at) one.call.started_at = *hints.started_at;
}

// Two turns under one number would be one in the store.
Result<void> refuse_doubles(const Imported& one, const json* at) {
    std::set<int> seen;
    for (const auto& turn : one.turns)
        if (!seen.insert(turn.sequence).second) {
            const auto what = fmt::format("sequence {} stands twice", turn.sequence);
            return at ? Result<void>(at_line(*at, what)) : Result<void>(fail(Errc::Usage, "{}", what));
        }
    return {};
}

Result<Imported> call_in(const json& object, const ImportHints& hints, LeftOut& left_out) {
    if (!object.is_object()) return fail(Errc::Usage, "a transcript is no object");
    const auto turns = object.find("turns");
    if (turns == object.end() || !turns->is_array()) return at_line(object, "turns is no list");
    Imported out;
    auto& call = out.call;
    call.room = text_at(object, "room");
    VC_TRY_ASSIGN(out.attempt, attempt_in(object));
    call.agent_name = text_at(object, "agentName");
    call.job_id = text_at(object, "jobId");
    call.caller_identity = text_at(object, "callerIdentity");
    call.dispatch_metadata = text_at(object, "dispatchMetadata");
    call.status = text_at(object, "status");
    call.reason = text_at(object, "reason");
    VC_TRY_ASSIGN(const auto began, time_in(object, "startedAt", "startedAtMs"));
    VC_TRY_ASSIGN(call.ended_at, time_in(object, "endedAt", "endedAtMs"));
    call.started_at = began.value_or(store::SystemTime{});
    left_out.unknown_keys(object, "the call", kCallKeys);
    for (const auto& one : *turns) {
        VC_TRY_ASSIGN(auto turn, turn_in(one, out.turns.size()));
        left_out.unknown_keys(one, "a turn", kTurnKeys);
        out.turns.push_back(std::move(turn));
    }
    VC_TRY(refuse_doubles(out, &object));
    use_hints(out, hints);
    return out;
}

// Lines do not tell when the call began; how far into it the turn was, they do.
void learn_start(Imported& one, const json& line) {
    if (is_known(one.call.started_at) || one.turns.empty() || !is_known(one.turns.back().started_at)) return;
    const auto offset = line.find("offsetMs");
    if (offset == line.end() || !offset->is_number_integer()) return;
    const auto ms = offset->get<std::int64_t>();
    if (ms > -kLongestCallMs && ms < kLongestCallMs) one.call.started_at = one.turns.back().started_at - std::chrono::milliseconds(ms);
}

}  // namespace

Result<ImportResult> parse_ours(const json& root, const ImportHints& hints) {
    ImportResult out{"voicectl JSON", {}, {}};
    LeftOut left_out;
    if (root.contains("turns")) {
        VC_TRY_ASSIGN(auto one, call_in(root, hints, left_out));
        out.calls.push_back(std::move(one));
    } else {
        const auto& all = root["transcripts"];
        if (!all.is_array()) return at_line(root, "transcripts is no list");
        left_out.unknown_keys(root, "the file", {"transcripts"});
        for (const auto& object : all) {
            VC_TRY_ASSIGN(auto one, call_in(object, hints, left_out));
            out.calls.push_back(std::move(one));
        }
    }
    out.left_out = left_out.remarks();
    return out;
}

Result<ImportResult> parse_our_lines(std::string_view text, const ImportHints& hints) {
    ImportResult out{"voicectl JSON Lines", {}, {}};
    LeftOut left_out;
    std::map<std::string, std::size_t> known;  // by what tells calls apart
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto one = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), one.size() + 1));
        if (trim(one).empty()) continue;
        VC_TRY_ASSIGN(const auto object, parse_with_lines(one, line));
        if (!object.is_object()) return at_line(line, "no object");
        VC_TRY_ASSIGN(const auto attempt, attempt_in(object));
        const auto call_id = object.value("callId", json());
        const auto [place, fresh] = known.emplace(json_text(json{call_id, text_at(object, "room"), attempt.value_or(0)}), out.calls.size());
        if (fresh) out.calls.emplace_back().call.room = text_at(object, "room");
        auto& imported = out.calls[place->second];
        imported.attempt = attempt;
        VC_TRY_ASSIGN(auto turn, turn_in(object, imported.turns.size()));
        imported.turns.push_back(std::move(turn));
        left_out.unknown_keys(object, "a turn", kTurnKeys);
        learn_start(imported, object);
    }
    for (auto& one : out.calls) {
        VC_TRY(refuse_doubles(one, nullptr));
        use_hints(one, hints);
    }
    out.left_out = left_out.remarks();
    return out;
}

}  // namespace voicectl::transcript
