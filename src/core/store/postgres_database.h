// The PostgreSQL driver: one connection, one thread at a time. Tables lie in a schema of their own ("voicectl"), so
// that a database may be shared with other programs. Every wait has an end: a server that says nothing for
// kAnswerPatience is given up, and with it the connection.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/store/postgres_address.h"
#include "core/store/sql.h"

struct pg_conn;  // of libpq, which only the driver's own file needs to know
struct pg_result;

namespace voicectl::store {

struct PostgresLibrary;

class PostgresDatabase final : public Database {
 public:
    enum class Access { ReadWrite, ReadOnly };
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kAnswerPatience{30};

    /// Throws Failure: Unreachable, Auth, NotFound (no such database), Config (an encoding that cannot hold all text).
    static std::unique_ptr<PostgresDatabase> connect(const PostgresAddress& address, Access access);
    ~PostgresDatabase() override;

    void begin(Mode mode, const Lock& lock) override;
    void lock(const Lock& lock) override;
    void commit() override;
    void rollback() noexcept override;
    bool usable() const override;
    std::string contains(std::string_view text, std::string_view part) const override;
    void execute(const std::string& statements) override;
    Query insert_many(std::string_view table, std::string_view columns, int count) override;

    /// False: nobody answers.
    bool answers() noexcept;
    Clock::time_point since() const { return since_; }
    int backend_pid() const;
    const std::string& shown() const { return shown_; }
    /// A server that only reads: a standby.
    bool standby() const;

    // For statements of this driver.
    struct Answer {
        std::unique_ptr<pg_result, void (*)(pg_result*)> result;
    };
    /// Sends by `send` and waits for the last result; throws what the server says of failure.
    Answer ask(const std::function<int()>& send, std::optional<std::chrono::milliseconds> patience = {});
    Answer ask(const std::string& statements, std::optional<std::chrono::milliseconds> patience = {});
    /// From now on, for what reads or moves whole tables.
    void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
    void put_copy_data(const std::string& rows);
    void end_copy(const char* why_not);
    void end_copy_quietly() noexcept;
    const PostgresLibrary& pq() const { return pq_; }
    pg_conn* handle() const { return handle_; }
    /// The name under which this connection has prepared `sql`.
    const std::string& prepared(const std::string& sql);

 private:
    PostgresDatabase(const PostgresLibrary& pq, const PostgresAddress& address);
    void start(const PostgresAddress& address);
    void finish_handshake(std::chrono::seconds limit);
    void set_up(Access access);
    std::unique_ptr<Statement> prepare(std::string_view sql) override;
    void wait_for(short events, Clock::time_point deadline);
    void flush(Clock::time_point deadline);
    pg_result* next_result(Clock::time_point deadline);
    [[noreturn]] void throw_lost();
    [[noreturn]] void throw_refused();
    [[noreturn]] void throw_failed(const pg_result* result);

    const PostgresLibrary& pq_;
    std::string shown_, database_name_;
    pg_conn* handle_ = nullptr;
    bool broken_ = false;
    std::chrono::milliseconds patience_ = kAnswerPatience;
    Clock::time_point since_ = Clock::now();
    std::map<std::string, std::string, std::less<>> prepared_;
};

}  // namespace voicectl::store
