#include "core/store/webhook_tables.h"

#include <algorithm>
#include <limits>
#include <set>

#include "core/store/versioned_json.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

constexpr int kPage = 100;
constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
// Repeats come for seven minutes: five that the token is good for, and the leeway on both ends.
constexpr std::chrono::minutes kIdLife{15};

bool is_plain(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos && valid_utf8(bytes) == bytes; }

std::int64_t most(int limit) { return limit > 0 ? limit : kLast; }

constexpr const char* kEventColumns = "seq, id, event, room, room_sid, api_key, created_at, received_at, body, encoded";

std::string body_at(const Query& row, int column) {
    if (row.number(column + 1) == 0) return row.text(column);
    return base64_decode(row.text(column)).value_or("");
}

WebhookEvent event_at(const Query& row) {
    WebhookEvent out;
    out.id = row.text(1);
    out.event = row.text(2);
    out.room = row.text(3);
    out.room_sid = row.text(4);
    out.key = row.text(5);
    out.created_at = row.time(6);
    out.received_at = row.time(7);
    out.body = body_at(row, 8);
    return out;
}

bool wanted(const EventFilter& filter, const std::string& event) {
    return filter.events.empty() || std::find(filter.events.begin(), filter.events.end(), event) != filter.events.end();
}

VersionedJson tree_of(const std::string& text) {
    const auto stored = nlohmann::json::parse(text, nullptr, false);
    return stored.is_object() ? VersionedJson::from_json(stored) : VersionedJson();
}

}  // namespace

std::vector<bool> WebhookTables::take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets) {
    std::vector<bool> out;
    for (const auto& event : events) {
        const bool fresh = insert(event);
        out.push_back(fresh);
        Delivery taken{event.id, event.event, event.room, "", 1, fresh ? "stored" : "repeated", 200, {}, event.received_at, ""};
        log(taken);
        if (!fresh) continue;
        if (const auto parsed = parse_webhook(event.body))
            for (const auto& fact : parsed->facts) merge(fact, event.received_at);
        if (!event.forward) continue;
        for (const auto& target : targets)
            database_.run("INSERT INTO webhook_forwards (target, room, event_id, attempts, queued_at, due_at) VALUES ($1, $2, $3, 0, $4, $5)", target,
                          event.room, event.id, event.received_at, event.received_at);
    }
    return out;
}

bool WebhookTables::insert(const WebhookEvent& event) {
    const bool plain = is_plain(event.body);
    return database_.run(
               "INSERT INTO webhook_events (id, event, room, room_sid, api_key, created_at, received_at, body, encoded, auth_header) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
               event.id, event.event, event.room, event.room_sid, event.key, event.created_at,
               event.received_at, plain ? event.body : base64_encode(event.body), plain ? 0 : 1, event.authorization) == 1;
}

void WebhookTables::merge(const WebhookFact& fact, SystemTime at) {
    VersionedJson tree;
    {
        auto stored = database_.query("SELECT tree FROM webhook_parts WHERE kind = $1 AND id = $2", fact.kind, fact.id);
        if (stored.next()) tree = tree_of(stored.text(0));
    }
    tree.merge(fact.patch, fact.version);
    const auto value = tree.value();
    const bool over = value.contains("finishedAtMs");
    database_.run(
        "INSERT INTO webhook_parts (kind, id, room, room_sid, finished, touched_at, tree) VALUES ($1, $2, $3, $4, $5, $6, $7) "
        "ON CONFLICT (kind, id) DO UPDATE SET tree = excluded.tree, finished = excluded.finished, touched_at = excluded.touched_at, "
        "room = CASE WHEN excluded.room = '' THEN webhook_parts.room ELSE excluded.room END, "
        "room_sid = CASE WHEN excluded.room_sid = '' THEN webhook_parts.room_sid ELSE excluded.room_sid END",
        fact.kind, fact.id, fact.room, fact.room_sid, over ? 1 : 0, at, json_text(tree.to_json()));
    if (fact.kind == "egress") save_recording(recording_of(value));
}

void WebhookTables::save_recording(const Recording& recording) {
    database_.run(
        "INSERT INTO recordings (egress_id, room, room_sid, status, location, error, started_at, ended_at, duration_ms, size) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (egress_id) DO UPDATE SET room = excluded.room, room_sid = excluded.room_sid, "
        "status = excluded.status, location = excluded.location, error = excluded.error, started_at = excluded.started_at, "
        "ended_at = excluded.ended_at, duration_ms = excluded.duration_ms, size = excluded.size",
        recording.egress_id, recording.room, recording.room_sid, recording.status,
        recording.location, recording.error, recording.started_at, recording.ended_at, recording.duration.count(), recording.size);
}

void WebhookTables::log(const Delivery& d) {
    database_.run(
        "INSERT INTO webhook_deliveries (event_id, event, room, target, attempt, outcome, status, took_ms, at, reason) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        d.event_id, d.event, d.room, d.target, d.attempt, d.outcome, d.status, d.took.count(), d.at, d.reason);
}

std::vector<std::pair<std::int64_t, WebhookEvent>> WebhookTables::page(const EventFilter& filter, std::int64_t before) {
    std::vector<std::pair<std::int64_t, WebhookEvent>> out;
    static const std::string kSql = fmt::format(
        "SELECT {} FROM webhook_events WHERE seq < $1 AND ($2 = '' OR room = $2 OR room_sid = $2) AND received_at >= $3 AND received_at < $4 "
        "ORDER BY seq DESC LIMIT $5",
        kEventColumns);
    const auto since = filter.since ? to_column(*filter.since) : 0;
    const auto until = filter.until ? to_column(*filter.until) : kLast;
    // Events of other kinds are left out here; a page may be empty of them and still not be the last.
    auto next = before > 0 ? before : kLast;
    while (out.empty()) {
        int rows = 0;
        auto query = database_.query(kSql, next, filter.room, since, until, kPage);
        while (query.next()) {
            ++rows;
            next = query.number(0);
            if (wanted(filter, query.text(2))) out.emplace_back(next, event_at(query));
        }
        if (rows < kPage) break;
    }
    return out;
}

std::optional<WebhookEvent> WebhookTables::event(const std::string& id) {
    static const std::string kSql = fmt::format("SELECT {}, auth_header FROM webhook_events WHERE id = $1", kEventColumns);
    auto query = database_.query(kSql, id);
    if (!query.next()) return {};
    auto out = event_at(query);
    out.authorization = query.text(10);
    return out;
}

std::optional<std::string> WebhookTables::sid_of(const std::string& sid_or_name) {
    auto query = database_.query(
        "SELECT room_sid FROM webhook_parts WHERE room_sid <> '' AND (room = $1 OR room_sid = $1) ORDER BY "
        "CASE WHEN kind = 'room' THEN 0 ELSE 1 END, finished, touched_at DESC, room_sid LIMIT 1",
        sid_or_name);
    if (!query.next()) return {};
    return query.text(0);
}

std::vector<WebhookPart> WebhookTables::parts_of(const std::string& sid) {
    std::vector<WebhookPart> out;
    auto query = database_.query("SELECT kind, tree FROM webhook_parts WHERE room_sid = $1 ORDER BY kind, id", sid);
    while (query.next()) out.push_back({query.text(0), tree_of(query.text(1)).value()});
    return out;
}

std::optional<std::string> WebhookTables::call_state(const std::string& sid_or_name) {
    const auto sid = sid_of(sid_or_name);
    if (!sid) return {};
    auto parts = parts_of(*sid);
    nlohmann::json room;
    for (const auto& part : parts)
        if (part.kind == "room") room = part.value;
    return json_text(call_view(room, parts));
}

std::vector<std::pair<std::string, std::string>> WebhookTables::open_calls(int limit) {
    auto query = database_.query(
        "SELECT id, room FROM webhook_parts WHERE kind = 'room' AND finished = 0 ORDER BY touched_at DESC, id LIMIT $1", most(limit));
    std::vector<std::pair<std::string, std::string>> out;
    while (query.next()) out.emplace_back(query.text(0), query.text(1));
    return out;
}

std::vector<Recording> WebhookTables::recordings(const std::string& room, int limit) {
    // Of one room by its indexes, which a condition that could also mean all rooms would not use.
    constexpr const char* kSelect = "SELECT egress_id, room, room_sid, status, location, error, started_at, ended_at, duration_ms, size FROM recordings";
    static const std::string kOfRoom = fmt::format("{} WHERE room = $1 OR room_sid = $1 ORDER BY COALESCE(started_at, 0) DESC, egress_id LIMIT $2", kSelect);
    static const std::string kOfAll = fmt::format("{} ORDER BY COALESCE(started_at, 0) DESC, egress_id LIMIT $1", kSelect);
    auto query = room.empty() ? database_.query(kOfAll, most(limit)) : database_.query(kOfRoom, room, most(limit));
    std::vector<Recording> out;
    while (query.next())
        out.push_back({query.text(0), query.text(1), query.text(2), query.text(3), query.text(4), query.text(5), query.maybe_time(6), query.maybe_time(7),
                       std::chrono::milliseconds(query.number(8)), query.number(9)});
    return out;
}

std::vector<Delivery> WebhookTables::deliveries(const DeliveryFilter& filter) {
    auto query = database_.query(
        "SELECT event_id, event, room, target, attempt, outcome, status, took_ms, at, reason FROM webhook_deliveries "
        "WHERE ($1 = '' OR event_id = $1) AND ($2 = '' OR room = $2) AND ($3 = '' OR outcome = $3) AND ($4 = 0 OR target <> '') ORDER BY id DESC LIMIT $5",
        filter.event_id, filter.room, filter.outcome, filter.forwarded ? 1 : 0, most(filter.limit));
    std::vector<Delivery> out;
    while (query.next())
        out.push_back({query.text(0), query.text(1), query.text(2), query.text(3), query.small(4), query.text(5), query.small(6),
                       std::chrono::milliseconds(query.number(7)), query.time(8), query.text(9)});
    return out;
}

// The oldest of each room, whatever its time: while it waits, the later ones of its room wait too.
std::vector<Forward> WebhookTables::due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now, int limit) {
    const std::set<std::int64_t> taken(busy.begin(), busy.end());
    std::vector<Forward> out;
    for (const auto& target : targets) {
        auto query = database_.query(
            "SELECT e.seq, e.id, e.event, e.room, e.room_sid, e.api_key, e.created_at, e.received_at, e.body, e.encoded, f.id, f.attempts, f.queued_at "
            "FROM webhook_forwards f JOIN webhook_events e ON e.id = f.event_id WHERE f.id IN "
            "(SELECT min(id) FROM webhook_forwards WHERE target = $1 GROUP BY room) AND f.due_at <= $2 ORDER BY f.id LIMIT $3",
            target, now, static_cast<std::int64_t>(limit) + static_cast<std::int64_t>(taken.size()));
        int found = 0;
        while (found < limit && query.next()) {
            if (taken.contains(query.number(10))) continue;
            ++found;
            out.push_back({query.number(10), target, query.small(11), query.time(12), event_at(query)});
        }
    }
    return out;
}

std::optional<SystemTime> WebhookTables::next_forward(const std::vector<std::string>& targets) {
    std::optional<SystemTime> out;
    for (const auto& target : targets) {
        auto query = database_.query(
            "SELECT min(due_at) FROM webhook_forwards WHERE id IN (SELECT min(id) FROM webhook_forwards WHERE target = $1 GROUP BY room)", target);
        if (!query.next() || query.is_null(0)) continue;
        if (!out || query.time(0) < *out) out = query.time(0);
    }
    return out;
}

void WebhookTables::end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again) {
    log(attempt);
    if (again) database_.run("UPDATE webhook_forwards SET attempts = attempts + 1, due_at = $1 WHERE id = $2", *again, id);
    else database_.run("DELETE FROM webhook_forwards WHERE id = $1", id);
}

int WebhookTables::drop_target(const std::string& target) {
    return static_cast<int>(database_.run("DELETE FROM webhook_forwards WHERE target = $1", target));
}

int WebhookTables::queued_forwards() {
    auto query = database_.query("SELECT count(*) FROM webhook_forwards");
    return query.next() ? query.small(0) : 0;
}

SystemTime WebhookTables::forgettable(SystemTime before) { return std::min(before, std::chrono::system_clock::now() - kIdLife); }

int WebhookTables::forget(SystemTime before) {
    before = forgettable(before);
    database_.run("DELETE FROM webhook_forwards WHERE event_id IN (SELECT id FROM webhook_events WHERE received_at < $1)", before);
    database_.run("DELETE FROM webhook_deliveries WHERE at < $1", before);
    // Of a call all or nothing: it goes when nothing has touched it for so long.
    database_.run(
        "DELETE FROM webhook_parts WHERE room_sid NOT IN (SELECT room_sid FROM webhook_parts WHERE touched_at >= $1) AND touched_at < $1", before);
    return static_cast<int>(database_.run("DELETE FROM webhook_events WHERE received_at < $1", before));
}

}  // namespace voicectl::store
