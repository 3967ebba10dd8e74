// Users' sessions, and what they are for.
#include <limits>

#include "core/store/rows.h"
#include "core/store/sql_store.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

constexpr std::size_t kNewIdLength = 12;
constexpr const char* kSessionById =
    "SELECT id, call_id, user_id, status, started_at, completed_at, usage_json, assignment_id FROM sessions WHERE id = $1";

Session session_at(const Query& row) {
    Session session;
    session.id = row.text(0);
    if (!row.is_null(1)) session.call_id = row.number(1);
    session.user_id = row.text(2);
    session.status = row.text(3);
    session.started_at = row.time(4);
    session.completed_at = row.maybe_time(5);
    session.usage_json = row.text(6);
    session.assignment_id = row.text(7);
    return session;
}

std::optional<Session> session_by_id(Database& database, const std::string& id) {
    auto row = database.query(kSessionById, id);
    if (!row.next()) return std::nullopt;
    return session_at(row);
}

/// That the user has for this assignment already.
std::optional<Session> active_session(Database& database, const Session& wanted) {
    auto row = database.query(
        "SELECT id, call_id, user_id, status, started_at, completed_at, usage_json, assignment_id FROM sessions "
        "WHERE user_id = $1 AND assignment_id = $2 AND status = 'active' ORDER BY started_at DESC, id DESC LIMIT 1",
        wanted.user_id, wanted.assignment_id);
    if (!row.next()) return std::nullopt;
    return session_at(row);
}

std::unexpected<Error> no_session(const std::string& id) { return fail(Errc::NotFound, "no session {}", id); }

Lock session_lock(const std::string& id) { return Lock::of("session", id); }

Result<void> check_owner(Database& database, const Assignment& claimed) {
    auto row = database.query("SELECT user_id FROM assignments WHERE id = $1", claimed.id);
    if (!row.next()) return fail(Errc::NotFound, "no assignment {}", claimed.id);
    if (row.text(0) == claimed.user_id) return {};
    return fail(Errc::Conflict, "user {} does not own assignment {}", claimed.user_id, claimed.id);
}

void put_session(Database& database, const Session& session) {
    database.run(
        "INSERT INTO sessions (id, call_id, user_id, status, started_at, completed_at, usage_json, assignment_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET call_id = excluded.call_id, "
        "user_id = excluded.user_id, started_at = excluded.started_at, usage_json = excluded.usage_json, "
        "assignment_id = CASE WHEN excluded.assignment_id = '' THEN sessions.assignment_id ELSE excluded.assignment_id END, "
        "completed_at = CASE WHEN sessions.status = 'completed' THEN sessions.completed_at ELSE excluded.completed_at END, "
        "status = CASE WHEN sessions.status = 'completed' THEN sessions.status ELSE excluded.status END",
        session.id, session.call_id, session.user_id, session.status, session.started_at, session.completed_at,
        session.usage_json, session.assignment_id);
}

}  // namespace

Result<void> SqlStore::save_session(const Session& session) {
    return write(session_lock(session.id), [&](Database& database) -> Result<void> {
        if (session.call_id && !call_by_id(database, *session.call_id)) return no_call(*session.call_id);
        put_session(database, session);
        return {};
    });
}

Result<Session> SqlStore::find_session(const std::string& id) {
    return read(Mode::Plain, [&](Database& database) -> Result<Session> {
        if (auto session = session_by_id(database, id)) return *session;
        return no_session(id);
    });
}

Result<void> SqlStore::save_assignment(const Assignment& assignment) {
    if (assignment.id.empty() || assignment.user_id.empty()) return fail(Errc::Usage, "an assignment needs an id and a user");
    return write(Lock::of("assignment", assignment.id), [&](Database& database) -> Result<void> {
        database.run("INSERT INTO assignments (id, user_id) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id",
                     assignment.id, assignment.user_id);
        return {};
    });
}

Result<void> SqlStore::check_assignment(const Assignment& claimed) {
    return read(Mode::Plain, [&](Database& database) { return check_owner(database, claimed); });
}

Result<Session> SqlStore::create_session(const Session& wanted) {
    if (wanted.user_id.empty() || (wanted.id.empty() && wanted.assignment_id.empty())) return fail(Errc::Usage, "a session needs a user, and an id or an assignment");
    const auto fresh_id = "VS_" + random_id(kNewIdLength);  // the same should the write be done again
    return write(session_lock(wanted.id.empty() ? "for " + wanted.assignment_id : wanted.id), [&](Database& database) -> Result<Session> {
        if (!wanted.assignment_id.empty()) VC_TRY(check_owner(database, {wanted.assignment_id, wanted.user_id}));
        if (wanted.id.empty())
            if (auto known = active_session(database, wanted)) return *known;
        if (auto known = session_by_id(database, wanted.id)) {
            if (known->user_id == wanted.user_id && known->assignment_id == wanted.assignment_id) return *known;
            return fail(Errc::Conflict, "session {} exists already, for somebody or something else", wanted.id);
        }
        if (wanted.call_id && !call_by_id(database, *wanted.call_id)) return no_call(*wanted.call_id);
        auto session = wanted;
        if (session.id.empty()) session.id = fresh_id;
        session.status = "active";
        session.completed_at.reset();
        put_session(database, session);
        return *session_by_id(database, session.id);
    });
}

Result<Session> SqlStore::finalize_session(const std::string& id, SystemTime at) {
    return write(session_lock(id), [&](Database& database) -> Result<Session> {
        database.run("UPDATE sessions SET status = 'completed', completed_at = $1 WHERE id = $2 AND status <> 'completed'", at, id);
        if (auto session = session_by_id(database, id)) return *session;
        return no_session(id);
    });
}

Result<std::vector<Session>> SqlStore::list_sessions(const SessionFilter& filter) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<Session>> {
        constexpr auto kAll = std::numeric_limits<std::int64_t>::max();
        auto row = database.query(
            "SELECT id, call_id, user_id, status, started_at, completed_at, usage_json, assignment_id FROM sessions "
            "WHERE ($1 = '' OR user_id = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR assignment_id = $3) "
            "AND ($4 < 0 OR call_id = $4) AND started_at >= $5 AND started_at <= $6 AND (started_at < $6 OR id < $7) ORDER BY started_at DESC, id DESC LIMIT $8",
            filter.user_id, filter.status, filter.assignment_id, filter.call_id.value_or(-1),
            filter.since ? to_column(*filter.since) : -kAll, filter.until ? to_column(*filter.until) : kAll, filter.before_id,
            filter.limit > 0 ? filter.limit : kAll);
        std::vector<Session> sessions;
        while (row.next()) sessions.push_back(session_at(row));
        return sessions;
    });
}

}  // namespace voicectl::store
