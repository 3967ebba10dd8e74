// Users' sessions.
#include "core/store/rows.h"
#include "core/store/sql_store.h"

namespace voicectl::store {

Result<void> SqlStore::save_session(const Session& session) {
    return write(Lock::of("session", session.id), [&](Database& database) -> Result<void> {
        if (session.call_id && !call_by_id(database, *session.call_id)) return no_call(*session.call_id);
        database.run(
            "INSERT INTO sessions (id, call_id, user_id, status, started_at, completed_at, usage_json) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET call_id = excluded.call_id, "
            "user_id = excluded.user_id, started_at = excluded.started_at, usage_json = excluded.usage_json, "
            "completed_at = CASE WHEN sessions.status = 'completed' THEN sessions.completed_at ELSE excluded.completed_at END, "
            "status = CASE WHEN sessions.status = 'completed' THEN sessions.status ELSE excluded.status END",
            session.id, session.call_id, session.user_id, session.status, session.started_at, session.completed_at,
            session.usage_json);
        return {};
    });
}

Result<Session> SqlStore::find_session(const std::string& id) {
    return read(Mode::Plain, [&](Database& database) -> Result<Session> {
        auto row = database.query("SELECT call_id, user_id, status, started_at, completed_at, usage_json FROM sessions WHERE id = $1", id);
        if (!row.next()) return fail(Errc::NotFound, "no session {}", id);
        Session session;
        session.id = id;
        if (!row.is_null(0)) session.call_id = row.number(0);
        session.user_id = row.text(1);
        session.status = row.text(2);
        session.started_at = row.time(3);
        session.completed_at = row.maybe_time(4);
        session.usage_json = row.text(5);
        return session;
    });
}

}  // namespace voicectl::store
