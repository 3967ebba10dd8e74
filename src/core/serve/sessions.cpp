#include "handlers.h"
#include "voicectl/agent/call_recordings.h"
#include "voicectl/agent/call_report.h"
#include "voicectl/agent/detail_record.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/store/json.h"

namespace voicectl::serve {
namespace {

constexpr int kSessionsListed = 100;

Fault no_session(const std::string& id) { return {404, Error{Errc::NotFound, fmt::format("there is no session '{}'", plain_text(id, 60)), "GET /v1/sessions lists them"}}; }

/// Whose a new session is: a user's own, or whom the service names.
std::expected<std::string, Fault> user_of(const Question& question) {
    const auto named = text_at(question.body, "userId");
    if (question.caller.who == Who::User) {
        if (!named.empty() && named != question.caller.user_id) return std::unexpected(Fault(403, Error{Errc::Auth, "userId is somebody else's", "leave it out: a session of yours is yours"}));
        return question.caller.user_id;
    }
    if (named.empty()) return std::unexpected(Fault(400, Error{Errc::Usage, "userId: missing", "a service says whose session it is"}));
    return named;
}

std::expected<store::Turn, Fault> read_turn(const nlohmann::json& from, int sequence) {
    const auto time = [&](const char* key) -> std::expected<store::SystemTime, Fault> {
        if (!from.contains(key)) return store::SystemTime{};
        const auto parsed = parse_time(text_at(from, key));
        if (parsed) return *parsed;
        return std::unexpected(Fault(400, Error{Errc::Usage, fmt::format("turns[{}].{}: a time like 2026-01-02T03:04:05Z", sequence, key), ""}));
    };
    store::Turn out;
    out.sequence = sequence;
    out.speaker = text_at(from, "speaker") == "agent" ? store::Speaker::Agent : store::Speaker::User;
    out.identity = text_at(from, "identity");
    out.text = text_at(from, "text");
    VC_TRY_ASSIGN(out.started_at, time("startedAt"));
    VC_TRY_ASSIGN(out.ended_at, time("endedAt"));
    out.interrupted = from.value("interrupted", false);
    if (const auto detail = from.find("detail"); detail != from.end()) out.detail_json = json_text(*detail);
    return out;
}

std::string filter_text(const Question& question, std::string_view name) {
    const auto found = question.query.find(name);
    return found == question.query.end() ? std::string() : found->second;
}

}  // namespace

std::expected<store::Session, Fault> session_of(store::Store& store, const Question& question) {
    const auto& id = question.path.at("id");
    auto session = store.find_session(id);
    if (!session && session.error().code == Errc::NotFound) return std::unexpected(no_session(id));
    if (!session) return std::unexpected(Fault(std::move(session).error()));
    if (!sees_all(question.caller) && session->user_id != question.caller.user_id) return std::unexpected(no_session(id));
    return std::move(*session);
}

std::expected<store::Call, Fault> call_of_session(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto session, session_of(store, question));
    if (!session.call_id) return std::unexpected(Fault(425, Error{Errc::Unreachable, "this session has no call yet", "ask again once it was held"}));
    auto call = store.call(*session.call_id);
    if (!call) return std::unexpected(Fault(std::move(call).error()));
    return std::move(*call);
}

Outcome create_session(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto user, user_of(question));
    store::Session wanted;
    wanted.id = text_at(question.body, "id");
    wanted.user_id = user;
    wanted.assignment_id = text_at(question.body, "assignmentId");
    wanted.started_at = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());  // as it is stored
    if (const auto call = question.body.find("callId"); call != question.body.end()) {
        Question asked = question;
        asked.path["id"] = std::to_string(call->get<std::int64_t>());
        VC_TRY_ASSIGN(const auto known, call_of(store, asked));  // a user's own alone
        wanted.call_id = known.id;
    }
    const bool for_itself = wanted.assignment_id.empty() || wanted.call_id;
    if (wanted.id.empty() && for_itself) wanted.id = "VS_" + random_id(12);
    VC_TRY_ASSIGN(const auto made, store.create_session(wanted));
    return Answer{.status = made.started_at == wanted.started_at ? 201 : 200, .data = store::to_json(made)};
}

Outcome list_sessions(store::Store& store, const Question& question) {
    store::SessionFilter filter;
    filter.user_id = filter_text(question, "userId");
    if (!sees_all(question.caller)) {
        if (!filter.user_id.empty() && filter.user_id != question.caller.user_id) return Answer{.data = {{"sessions", nlohmann::ordered_json::array()}, {"more", false}}};
        filter.user_id = question.caller.user_id;
    }
    filter.status = filter_text(question, "status");
    filter.assignment_id = filter_text(question, "assignmentId");
    if (const auto since = parse_time(filter_text(question, "since"))) filter.since = *since;
    if (const auto until = parse_time(filter_text(question, "before"))) filter.until = *until;
    if (const auto id = filter_text(question, "after"); !id.empty()) {
        VC_TRY_ASSIGN(const auto last, session_of(store, {.caller = question.caller, .path = {{"id", id}}, .query = {}}));
        if (!filter.until || last.started_at < *filter.until) {
            filter.until = last.started_at;
            filter.before_id = last.id;
        }
    }
    const auto given = filter_text(question, "limit");
    const int limit = given.empty() ? kSessionsListed : std::stoi(given);
    filter.limit = limit + 1;
    VC_TRY_ASSIGN(auto sessions, store.list_sessions(filter));
    const bool more = static_cast<int>(sessions.size()) > limit;
    if (more) sessions.resize(static_cast<std::size_t>(limit));
    auto items = nlohmann::ordered_json::array();
    for (const auto& one : sessions) items.push_back(store::to_json(one));
    return Answer{.data = {{"sessions", std::move(items)}, {"more", more}}};
}

Outcome show_session(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto session, session_of(store, question));
    auto data = store::to_json(session);
    for (const char* key : {"room", "durationMs", "reason", "costs", "record"}) data[key] = nullptr;
    if (!session.call_id) return Answer{.data = std::move(data)};
    const auto call = store.call(*session.call_id);
    if (!call && call.error().code == Errc::NotFound) return Answer{.data = std::move(data)};
    if (!call) return std::unexpected(Fault(call.error()));
    VC_TRY_ASSIGN(const auto report, agent::read_call_report(store, *call));
    data["room"] = call->room;
    data["durationMs"] = report["durationMs"];
    data["reason"] = call->reason;
    data["costs"] = report["costs"];
    VC_TRY_ASSIGN(const auto recordings, agent::call_recordings(store, *call));
    data["record"] = agent::detail_record(*call, report, session, recordings);
    if (data["usage"].is_null()) data["usage"] = report["usage"];
    return Answer{.data = std::move(data)};
}

Outcome finalize_session(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto session, session_of(store, question));
    VC_TRY_ASSIGN(const auto done, store.finalize_session(session.id, std::chrono::system_clock::now()));
    return Answer{.data = store::to_json(done)};
}

Outcome save_transcript(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(auto session, session_of(store, question));
    store::Call call;
    int latest = 0;  // attempt that the session has
    call.room = text_at(question.body, "room");
    if (session.call_id) {
        VC_TRY_ASSIGN(const auto known, store.call(*session.call_id));
        if (!call.room.empty() && call.room != known.room)
            return std::unexpected(Fault(409, Error{Errc::Conflict, "the session's call was in another room", fmt::format("it was in {}", plain_text(known.room, 60))}));
        call.room = known.room;
        call.attempt = latest = known.attempt;
    }
    if (call.room.empty()) call.room = "session-" + session.id;
    call.attempt = question.body.value("attempt", call.attempt);
    call.agent_name = text_at(question.body, "agentName");
    call.status = "completed";
    std::vector<store::Turn> turns;
    for (const auto& one : question.body["turns"]) {
        VC_TRY_ASSIGN(auto turn, read_turn(one, static_cast<int>(turns.size())));
        turns.push_back(std::move(turn));
    }
    call.started_at = turns.empty() || turns.front().started_at == store::SystemTime{} ? session.started_at : turns.front().started_at;
    call.ended_at = turns.empty() || turns.back().ended_at == store::SystemTime{} ? std::chrono::system_clock::now() : turns.back().ended_at;
    call.dispatch_metadata = owners_metadata(session.user_id);
    VC_TRY_ASSIGN(const auto saved, store.save_transcript(call, turns));
    if (saved.attempt >= latest && session.call_id != saved.id) {  // an older attempt may come late
        session.call_id = saved.id;
        VC_TRY(store.save_session(session));
    }
    VC_TRY_ASSIGN(const auto stored, store.call(saved.id));
    return Answer{.data = store::to_json(stored)};
}

Outcome assign(store::Store& store, const Question& question) {
    const store::Assignment made{question.path.at("id"), text_at(question.body, "userId")};
    VC_TRY(store.save_assignment(made));
    return Answer{.data = {{"id", made.id}, {"userId", made.user_id}}};
}

}  // namespace voicectl::serve
