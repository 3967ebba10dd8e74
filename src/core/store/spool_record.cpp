#include "core/store/spool_record.h"

#include <array>

#include "core/store/sql.h"
#include "voicectl/base/json.h"

namespace voicectl::store {
namespace {

using nlohmann::json;
using RecordKind = SpoolRecord::Kind;

constexpr std::array<const char*, 7> kNames{"begin", "end", "turn", "transcript", "report", "session", "placed"};

json time_json(const std::optional<SystemTime>& time) { return time ? json(to_column(*time)) : json(); }
std::optional<SystemTime> maybe_time_in(const json& object, const char* key) {
    const auto& value = object.at(key);
    return value.is_null() ? std::nullopt : std::optional(from_column(value.get<std::int64_t>()));
}
SystemTime time_in(const json& object, const char* key) { return from_column(object.at(key).get<std::int64_t>()); }

json call_json(const Call& call) {
    return {{"id", call.id}, {"room", call.room}, {"attempt", call.attempt}, {"agent", call.agent_name}, {"job", call.job_id},
            {"metadata", call.dispatch_metadata}, {"caller", call.caller_identity}, {"status", call.status}, {"reason", call.reason},
            {"startedAt", to_column(call.started_at)}, {"endedAt", time_json(call.ended_at)}};
}
Call call_in(const json& from) {
    Call call;
    call.id = from.at("id").get<std::int64_t>();
    call.room = from.at("room").get<std::string>();
    call.attempt = from.at("attempt").get<int>();
    call.agent_name = from.at("agent").get<std::string>();
    call.job_id = from.at("job").get<std::string>();
    call.dispatch_metadata = from.at("metadata").get<std::string>();
    call.caller_identity = from.at("caller").get<std::string>();
    call.status = from.at("status").get<std::string>();
    call.reason = from.at("reason").get<std::string>();
    call.started_at = time_in(from, "startedAt");
    call.ended_at = maybe_time_in(from, "endedAt");
    return call;
}

json turn_json(const Turn& turn) {
    return {{"n", turn.sequence}, {"speaker", turn.speaker == Speaker::Agent ? "agent" : "user"}, {"identity", turn.identity}, {"text", turn.text},
            {"startedAt", to_column(turn.started_at)}, {"endedAt", to_column(turn.ended_at)}, {"interrupted", turn.interrupted}, {"detail", turn.detail_json}};
}
Turn turn_in(const json& from) {
    Turn turn;
    turn.sequence = from.at("n").get<int>();
    turn.speaker = from.at("speaker").get<std::string>() == "agent" ? Speaker::Agent : Speaker::User;
    turn.identity = from.at("identity").get<std::string>();
    turn.text = from.at("text").get<std::string>();
    turn.started_at = time_in(from, "startedAt");
    turn.ended_at = time_in(from, "endedAt");
    turn.interrupted = from.at("interrupted").get<bool>();
    turn.detail_json = from.at("detail").get<std::string>();
    return turn;
}

json session_json(const Session& session) {
    return {{"id", session.id}, {"call", session.call_id ? json(*session.call_id) : json()}, {"user", session.user_id}, {"status", session.status},
            {"startedAt", to_column(session.started_at)}, {"completedAt", time_json(session.completed_at)}, {"usage", session.usage_json}, {"assignment", session.assignment_id}};
}
Session session_in(const json& from) {
    Session session;
    session.id = from.at("id").get<std::string>();
    if (!from.at("call").is_null()) session.call_id = from.at("call").get<std::int64_t>();
    session.user_id = from.at("user").get<std::string>();
    session.status = from.at("status").get<std::string>();
    session.started_at = time_in(from, "startedAt");
    session.completed_at = maybe_time_in(from, "completedAt");
    session.usage_json = from.at("usage").get<std::string>();
    session.assignment_id = from.value("assignment", "");
    return session;
}

SpoolRecord record_in(const json& from) {
    const auto name = from.at("op").get<std::string>();
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) throw std::invalid_argument("unknown op " + name);
    SpoolRecord record;
    record.kind = static_cast<RecordKind>(found - kNames.begin());
    record.call_id = from.at("call").get<std::int64_t>();
    if (const auto value = from.find("of"); value != from.end()) record.call = call_in(*value);
    if (const auto value = from.find("turns"); value != from.end())
        for (const auto& turn : *value) record.turns.push_back(turn_in(turn));
    if (const auto value = from.find("session"); value != from.end()) record.session = session_in(*value);
    record.report = from.value("report", "");
    record.status = from.value("status", "");
    record.reason = from.value("reason", "");
    record.at = from_column(from.value("at", std::int64_t{0}));
    record.first = from.value("first", 0);
    return record;
}

}  // namespace

std::string to_line(const SpoolRecord& record) {
    json out{{"op", kNames.at(static_cast<std::size_t>(record.kind))}, {"call", record.call_id}};
    if (!record.call.room.empty()) out["of"] = call_json(record.call);
    switch (record.kind) {
        case RecordKind::Placed: out["first"] = record.first; [[fallthrough]];
        case RecordKind::Begin: break;
        case RecordKind::Transcript:
        case RecordKind::Turn:
            out["turns"] = json::array();
            for (const auto& turn : record.turns) out["turns"].push_back(turn_json(turn));
            break;
        case RecordKind::End: out.update({{"status", record.status}, {"reason", record.reason}, {"at", to_column(record.at)}}); break;
        case RecordKind::Report: out["report"] = record.report; break;
        case RecordKind::Session: out["session"] = session_json(record.session); break;
    }
    return json_text(out);
}

Result<SpoolRecord> parse_record(std::string_view line) {
    try {
        return record_in(json::parse(line));
    } catch (const std::exception& exception) {
        return fail(Errc::Protocol, "a spooled write cannot be read: {}", exception.what());
    }
}

}  // namespace voicectl::store
