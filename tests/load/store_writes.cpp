// A transcript of 500 turns saved again and again, by the store and by the least that one could write by hand, in turns:
// on SQLite a bare loop on its C API with the same pragmas, on PostgreSQL a prepared INSERT for each turn. For
// `./scripts/bench store`. Prints Markdown; exit 1 when a ratio is not what was promised.
#include <libpq-fe.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "support/postgres_server.h"
#include "voicectl/store/store.h"

namespace {

using namespace voicectl;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int kTurns = 500;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s failed\n", what);
    std::exit(2);
}

std::vector<store::Turn> some_turns() {
    std::vector<store::Turn> out(kTurns);
    for (int i = 0; i < kTurns; ++i) {
        auto& turn = out[static_cast<std::size_t>(i)];
        turn.sequence = i;
        turn.speaker = i % 2 == 0 ? store::Speaker::Agent : store::Speaker::User;
        turn.identity = i % 2 == 0 ? "agent-AJ_1" : "caller-1";
        turn.text = fmt::format("This is what was said in turn {}, as long as people are when they talk to a machine.", i);
        turn.started_at = store::SystemTime(std::chrono::seconds(1'760'000'000 + i));
        turn.ended_at = turn.started_at + std::chrono::milliseconds(1500);
        turn.detail_json = R"({"answerLatencyMs":740,"llmFirstTokenMs":310,"ttsFirstAudioMs":120})";
    }
    return out;
}

store::Call demo_call() {
    store::Call call;
    call.room = "demo";
    call.job_id = "AJ_1";
    return call;
}

double timed(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return Milliseconds(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

std::int64_t microseconds(store::SystemTime time) { return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count(); }

const char* speaker(const store::Turn& turn) { return turn.speaker == store::Speaker::Agent ? "agent" : "user"; }

/// The same rows in the same tables, nothing around it.
class BareSqlite {
 public:
    explicit BareSqlite(const std::string& path) {
        require(sqlite3_open(path.c_str(), &database_) == SQLITE_OK, "open");
        run("PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
        require(sqlite3_prepare_v2(database_, "INSERT INTO turns VALUES (1,?,?,?,?,?,?,?,?)", -1, &insert_, nullptr) == SQLITE_OK, "prepare");
    }
    ~BareSqlite() {
        sqlite3_finalize(insert_);
        sqlite3_close(database_);
    }
    BareSqlite(const BareSqlite&) = delete;
    BareSqlite& operator=(const BareSqlite&) = delete;

    void save(const std::vector<store::Turn>& turns) {
        run("BEGIN IMMEDIATE; DELETE FROM turns WHERE call_id = 1");
        for (const auto& turn : turns) {
            sqlite3_bind_int(insert_, 1, turn.sequence);
            sqlite3_bind_text(insert_, 2, speaker(turn), -1, SQLITE_STATIC);
            sqlite3_bind_text(insert_, 3, turn.identity.data(), static_cast<int>(turn.identity.size()), SQLITE_STATIC);
            sqlite3_bind_text(insert_, 4, turn.text.data(), static_cast<int>(turn.text.size()), SQLITE_STATIC);
            sqlite3_bind_int64(insert_, 5, microseconds(turn.started_at));
            sqlite3_bind_int64(insert_, 6, microseconds(turn.ended_at));
            sqlite3_bind_int(insert_, 7, turn.interrupted ? 1 : 0);
            sqlite3_bind_text(insert_, 8, turn.detail_json.data(), static_cast<int>(turn.detail_json.size()), SQLITE_STATIC);
            require(sqlite3_step(insert_) == SQLITE_DONE, "insert");
            sqlite3_reset(insert_);
        }
        run("UPDATE calls SET revision = revision + 1 WHERE id = 1; COMMIT");
    }

 private:
    void run(const char* sql) { require(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql); }
    sqlite3* database_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
};

class RowByRow {
 public:
    explicit RowByRow(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
        require(PQstatus(connection_) == CONNECTION_OK, "connect");
        PQclear(PQprepare(connection_, "insert", "INSERT INTO voicectl.turns VALUES (1,$1,$2,$3,$4,$5,$6,$7,$8)", 0, nullptr));
    }
    ~RowByRow() { PQfinish(connection_); }
    RowByRow(const RowByRow&) = delete;
    RowByRow& operator=(const RowByRow&) = delete;

    void save(const std::vector<store::Turn>& turns) {
        run(PQexec(connection_, "BEGIN; DELETE FROM voicectl.turns WHERE call_id = 1"));
        for (const auto& turn : turns) {
            const auto sequence = std::to_string(turn.sequence), start = std::to_string(microseconds(turn.started_at)), end = std::to_string(microseconds(turn.ended_at));
            const char* values[] = {sequence.c_str(), speaker(turn), turn.identity.c_str(), turn.text.c_str(), start.c_str(), end.c_str(), turn.interrupted ? "1" : "0", turn.detail_json.c_str()};
            run(PQexecPrepared(connection_, "insert", 8, values, nullptr, nullptr, 0));
        }
        run(PQexec(connection_, "UPDATE voicectl.calls SET revision = revision + 1 WHERE id = 1; COMMIT"));
    }

 private:
    static void run(PGresult* result) {
        require(PQresultStatus(result) == PGRES_COMMAND_OK, "statement");
        PQclear(result);
    }
    PGconn* connection_;
};

/// In turns, so that what else the machine does meets both. The ratio of peer to ours: above 1 ours is faster.
template<class Peer>
bool compare(const char* name, const std::string& place, int rounds, double promised) {
    auto opened = store::Store::open(place);
    require(opened.has_value(), "Store::open");
    const auto turns = some_turns();
    const auto ours = [&] { require((*opened)->save_transcript(demo_call(), turns).has_value(), "save_transcript"); };
    ours();
    Peer peer(place);
    peer.save(turns);
    std::vector<double> our_times, peer_times;
    for (int i = 0; i < rounds; ++i) {
        our_times.push_back(timed(ours));
        peer_times.push_back(timed([&] { peer.save(turns); }));
    }
    const double ratio = median(peer_times) / median(our_times);
    std::printf("| %s | %.2f ms | %.2f ms | %.2f | %.2f |\n", name, median(our_times), median(peer_times), ratio, promised);
    return ratio >= promised;
}

}  // namespace

int main(int count, char** arguments) {
    const int rounds = count > 1 ? std::atoi(arguments[1]) : 200;
    std::printf("| 500 turns, median of %d | save_transcript | by hand | ratio | at least |\n|---|---|---|---|---|\n", rounds);
    const test::TempFolder folder;
    const bool sqlite = compare<BareSqlite>("SQLite, against a bare C loop", folder.file("s.db"), rounds, 0.85);
    test::PostgresServer server;
    const bool postgres = compare<RowByRow>("PostgreSQL, against row by row", server.new_database(), rounds, 6.0);
    return sqlite && postgres ? 0 : 1;
}
