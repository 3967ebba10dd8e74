// Steps of the schema: what each brings is there, the same on both engines, and what was stored before it is kept.
#include <array>
#include <set>

#include "engines.h"
#include "old_store.h"
#include "voicectl/base/text.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::store {
namespace {

// What a program of that version could store, as it did; times are those of at_second().
constexpr std::array<const char*, kSchemaVersion> kRows{
    R"(INSERT INTO calls (room, attempt, job_id, agent_name, dispatch_metadata, caller_identity, status, reason, started_at, ended_at, revision) VALUES
         ('demo', 1, 'AJ_1', 'receptionist', '{"userId":"ann"}', 'ann', 'active', '', 1760000000000000, NULL, 3),
         ('demo', 2, '', 'receptionist', '', 'ann', 'completed', 'the caller hung up', 1760000100000000, 1760000160000000, 0);
       INSERT INTO turns (call_id, sequence, speaker, identity, text, started_at, ended_at, interrupted, detail_json) VALUES
         (1, 0, 'agent', 'agent-1', 'Good morning.', 1760000000000000, 1760000001500001, 0, '{"answerLatencyMs":740}'),
         (1, 1, 'user', 'ann', 'Good morning.', 1760000002000000, 1760000003500001, 0, '{"answerLatencyMs":740}');
       INSERT INTO sessions (id, call_id, user_id, status, started_at, completed_at, usage_json) VALUES ('s1', 1, 'ann', 'active', 1760000000000000, NULL, '{"a":1}');)",
    R"(UPDATE calls SET report_json = '{"turns":2}' WHERE id = 1;
       INSERT INTO leases (job_id, user_id, until) VALUES ('AJ_1', 'ann', 1760000020000000);
       INSERT INTO refusals (dispatch_id, job_id, room, agent_name, reason, at) VALUES ('AD_1', 'AJ_9', 'demo', 'receptionist', 'full', 1760000000000000);)",
    R"(INSERT INTO carriers (call_id, carrier, until) VALUES (1, 'host', 1760000020000000);)",
    R"(INSERT INTO webhook_events (id, event, room, room_sid, api_key, created_at, received_at, body, encoded, auth_header) VALUES
         ('EV_1', 'room_started', 'demo', 'RM_1', 'key', 1760000000000000, 1760000000000001, '{"id":"EV_1"}', 0, 'token'),
         ('EV_2', 'participant_joined', 'demo', 'RM_1', 'key', 1760000000000000, 1760000000000002, '{"id":"EV_2"}', 0, 'token'),
         ('EV_3', 'room_started', 'other', 'RM_2', 'key', 1760000000000000, 1760000000000003, '{"id":"EV_3"}', 0, 'token');
       INSERT INTO webhook_parts (kind, id, room, room_sid, finished, touched_at, tree) VALUES ('room', 'RM_1', 'demo', 'RM_1', 0, 1760000000000000, '{}');
       INSERT INTO recordings (egress_id, room, room_sid, status, location, error, started_at, ended_at, duration_ms, size) VALUES
         ('EG_1', 'demo', 'RM_1', 'EGRESS_COMPLETE', 'https://b/r.ogg', '', 1760000000000000, 1760000005000000, 5000, 12345);
       INSERT INTO webhook_deliveries (event_id, event, room, target, attempt, outcome, status, took_ms, at, reason) VALUES
         ('EV_1', 'room_started', 'demo', '', 1, 'stored', 200, 3, 1760000000000001, ''),
         ('', '', '', '', 1, 'refused', 401, 1, 1760000000000002, 'no key');
       INSERT INTO webhook_forwards (target, room, event_id, attempts, queued_at, due_at) VALUES
         ('http://there/', 'demo', 'EV_1', 4, 1760000000000001, 1760000000000001),
         ('http://there/', 'demo', 'EV_2', 0, 1760000000000002, 1760000000000002),
         ('http://there/', 'other', 'EV_3', 0, 1760000000000003, 1760000000000003);)",
    R"(INSERT INTO assignments (id, user_id) VALUES ('lesson', 'ann');
       UPDATE sessions SET assignment_id = 'lesson';
       INSERT INTO assessments (call_id, kind, text, model, made_at) VALUES (1, 'summary', 'Short.', 'm', 1760000000000000);)",
    "UPDATE webhook_forwards SET head = 1 WHERE event_id IN ('EV_1', 'EV_3');"};

constexpr const char* kThere = "http://there/";

std::vector<std::string> due(Store& store) {
    std::vector<std::string> out;
    const auto found = store.webhooks().due_forwards({kThere}, {}, at_second(100), 10);
    REQUIRE(found);
    for (const auto& one : *found) out.push_back(one.event.id);
    return out;
}

/// The first of those that are due is handed over.
void hand_over(Store& store) {
    const auto found = store.webhooks().due_forwards({kThere}, {}, at_second(100), 1);
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    REQUIRE(store.webhooks().end_forward(found->front().id, {found->front().event.id, "", "", kThere, 1, "delivered", 200, {}, at_second(100), ""}, std::nullopt));
}

void check_calls(Store& store, int version) {
    const auto call = store.call(1);
    REQUIRE(call);
    CHECK(std::tuple(call->room, call->attempt, call->job_id, call->agent_name, call->caller_identity, call->status) == std::tuple("demo", 1, "AJ_1", "receptionist", "ann", "active"));
    CHECK(call->dispatch_metadata == R"({"userId":"ann"})");
    CHECK(call->started_at == at_second(0));
    CHECK_FALSE(call->ended_at);
    CHECK(store.find("demo")->attempt == 2);
    CHECK(store.find("demo")->ended_at == at_second(160));
    CHECK(all_turns(store, 1) == std::vector<Turn>{sample_turn(0), sample_turn(1)});
    CHECK(*store.report(1) == (version >= 2 ? R"({"turns":2})" : ""));
    CHECK(store.begin_call(sample_call("demo", "AJ_1"))->id == 1);
    CHECK(store.begin_call(sample_call("demo", "AJ_3"))->attempt == 3);
}

void check_sessions(Store& store, int version) {
    const std::string assignment = version >= 5 ? "lesson" : "";
    CHECK(*store.find_session("s1") == Session{"s1", 1, "ann", "active", at_second(0), std::nullopt, R"({"a":1})", assignment});
    if (version < 5) REQUIRE(store.save_assignment({"lesson", "ann"}));
    CHECK(store.check_assignment({"lesson", "ann"}));
    CHECK(store.check_assignment({"lesson", "bob"}).error().code == Errc::Conflict);
    CHECK(store.find_assessment(1, "summary").has_value() == (version >= 5));
    REQUIRE(store.save_assessment({1, "summary", "Longer.", "m", at_second(1)}, true));
    CHECK(store.find_assessment(1, "summary")->text == "Longer.");
}

void check_agents(Store& store, int version) {
    CHECK(store.take_lease({"AJ_2", "ann"}, 1, at_second(0), at_second(20)) == (version < 2));
    CHECK(store.refusals("AD_1")->size() == (version >= 2 ? 1 : 0));
    const auto carried = store.carried("receptionist");
    REQUIRE(carried);
    REQUIRE(carried->size() == (version >= 3 ? 1 : 0));
    if (version >= 3) CHECK(carried->front().carrier == "host");
    REQUIRE(store.carry({{"demo", "AJ_1"}}, "next", at_second(30)));
    CHECK(store.carried("receptionist")->front().carrier == "next");
}

void check_webhooks(Store& store, int version) {
    using Ids = std::vector<std::string>;
    auto& webhooks = store.webhooks();
    if (version >= 4) {
        CHECK(webhooks.event("EV_1")->body == R"({"id":"EV_1"})");
        CHECK(webhooks.event("EV_1")->authorization == "token");
        CHECK(webhooks.open_calls(10)->size() == 1);
        REQUIRE(webhooks.recordings("RM_1", 0)->size() == 1);
        CHECK(webhooks.recordings("demo", 0)->front().duration == std::chrono::seconds(5));
        CHECK(webhooks.deliveries({})->size() == 2);
        CHECK(webhooks.deliveries({.refused = true})->size() == 1);
        // The oldest of each room goes first, and each room goes on with its next.
        REQUIRE(due(store) == Ids{"EV_1", "EV_3"});
        CHECK(webhooks.due_forwards({kThere}, {}, at_second(100), 1)->front().attempts == 4);
        CHECK(webhooks.next_forward({kThere}).value() == at_second(0) + std::chrono::microseconds(1));
        hand_over(store);
        CHECK(due(store) == Ids{"EV_2", "EV_3"});
    }
    auto event = *parse_webhook_event(R"({"event":"room_started","id":"EV_4","createdAt":"1760000000","room":{"sid":"RM_4","name":"third"}})");
    event.received_at = at_second(10);
    for (const bool fresh : {true, false}) {
        const auto taken = webhooks.take({event}, {kThere});
        REQUIRE(taken);
        CHECK(taken->front() == fresh);
    }
    CHECK(due(store) == (version >= 4 ? Ids{"EV_2", "EV_3", "EV_4"} : Ids{"EV_4"}));
}

STORE_TEST_CASE("what a store of an older schema held is all there in the newest one, and goes on") {
    for (int version = 1; version <= kSchemaVersion; ++version) {
        CAPTURE(version);
        Engine engine;
        const auto place = engine.place();
        make_old(place, version);
        for (int step = 0; step < version; ++step) behind_its_back(place, kRows[static_cast<std::size_t>(step)]);
        const auto store = opened(place);
        check_calls(*store, version);
        check_sessions(*store, version);
        check_agents(*store, version);
        check_webhooks(*store, version);
    }
}

// ---- both engines are the same ----

// One line each: columns with what they take, unique keys, indexes with their conditions, references, how many checks.
constexpr const char* kSqliteShape = R"sql(
SELECT m.name || '.' || c.name || ' ' || CASE lower(c.type) WHEN 'integer' THEN 'number' ELSE lower(c.type) END ||
       CASE WHEN c."notnull" = 1 OR c.pk > 0 THEN ' not null' ELSE '' END || coalesce(' default ' || c.dflt_value, '')
FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
UNION ALL SELECT 'key ' || m.name || ' ' || (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk))
FROM sqlite_schema m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE pk > 0)
UNION ALL SELECT CASE i.origin WHEN 'c' THEN 'index ' || i.name || ' of ' || m.name || CASE i."unique" WHEN 1 THEN ' unique' ELSE '' END ELSE 'key ' || m.name END || ' ' ||
       (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) ||
       CASE i.partial WHEN 1 THEN ' where ' || (SELECT substr(s.sql, instr(s.sql, 'WHERE ') + 6) FROM sqlite_schema s WHERE s.name = i.name) ELSE '' END
FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin <> 'pk'
UNION ALL SELECT 'reference ' || m.name || '.' || f."from" || ' to ' || f."table" || '.' || f."to" || ' ' || lower(f.on_delete)
FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
UNION ALL SELECT 'checks ' || name || ' ' || ((length(sql) - length(replace(sql, 'CHECK (', ''))) / 7) FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%CHECK (%'
)sql";
constexpr const char* kPostgresShape = R"sql(
SELECT table_name || '.' || column_name || ' ' || CASE WHEN data_type LIKE '%int%' THEN 'number' ELSE data_type END ||
       CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END || coalesce(' default ' || regexp_replace(column_default, '::[a-z]+', ''), '')
FROM information_schema.columns WHERE table_schema = 'voicectl'
UNION ALL SELECT CASE WHEN k.oid IS NULL THEN 'index ' || n.relname || ' of ' || t.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END ELSE 'key ' || t.relname END || ' ' ||
       (SELECT string_agg(a.attname, ',' ORDER BY p.at) FROM unnest(i.indkey::int[]) WITH ORDINALITY p (number, at) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.number) ||
       coalesce(' where ' || translate(replace(pg_get_expr(i.indpred, t.oid), '::text', ''), '()', ''), '')
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
WHERE t.relnamespace = 'voicectl'::regnamespace
UNION ALL SELECT 'reference ' || t.relname || '.' || a.attname || ' to ' || o.relname || '.' || b.attname || ' ' || CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE k.confdeltype::text END
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class o ON o.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.conkey[1] JOIN pg_attribute b ON b.attrelid = o.oid AND b.attnum = k.confkey[1] WHERE k.contype = 'f'
UNION ALL SELECT 'checks ' || t.relname || ' ' || count(*) FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid WHERE k.contype = 'c' AND t.relnamespace = 'voicectl'::regnamespace GROUP BY t.relname
)sql";

std::set<std::string> shape(const std::string& place) {
    std::set<std::string> out;
    const auto database = as_it_is(place);
    auto row = database->query(is_postgres_url(place) ? kPostgresShape : kSqliteShape);
    while (row.next()) out.insert(row.text(0));
    return out;
}

TEST_CASE("both engines have the same tables, columns, keys and indexes after every step") {
    OnSqlite file;
    OnPostgres server;
    // What only one of them needs: why stands in schema.cpp.
    const std::set<std::string> files{"reference turns.call_id to calls.id cascade"};
    const std::set<std::string> servers{"refusals.rowid number not null", "key refusals rowid", "key schema_version version", "schema_version.version number not null",
                                        "schema_version.applied_at timestamp with time zone not null default now()"};
    std::size_t before = 0;
    for (int version = 1; version <= kSchemaVersion; ++version) {
        CAPTURE(version);
        const auto name = std::to_string(version);
        make_old(file.place(name), version);
        make_old(server.place(name), version);
        auto one = shape(file.place(name)), other = shape(server.place(name));
        for (const auto& line : files) CHECK(one.erase(line) == 1);
        for (const auto& line : servers) CHECK((other.erase(line) == 1 || version == 1));
        for (const auto& line : one) CHECK_MESSAGE(other.contains(line), "PostgreSQL lacks: " << line);
        for (const auto& line : other) CHECK_MESSAGE(one.contains(line), "SQLite lacks: " << line);
        CHECK(one.size() > before);
        before = one.size();
    }
}

}  // namespace
}  // namespace voicectl::store
