// SQL as the store speaks it, whatever the engine: one connection, its prepared statements, their rows. Queries
// are written once, in what SQLite and PostgreSQL both understand ($1, $2 … in the order in which they first
// appear; columns of the old row by their table's name in ON CONFLICT). One thread at a time; blocking. Everything
// here throws Failure; only SqlStore and who opens a connection catch it.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "voicectl/store/store.h"

namespace voicectl::store {

struct Failure : std::exception {
    enum class Kind {
        Final,      // to be told as it is
        Again,      // rolled back for the sake of others: the same transaction may succeed now
        Lost,       // the connection is gone, and with it the transaction
        Uncertain,  // the connection went in COMMIT: kept or not
    };
    Failure(Kind what_kind, Error what_error) : kind(what_kind), error(std::move(what_error)) {}
    const char* what() const noexcept override { return error.message.c_str(); }
    Kind kind;
    Error error;
};

/// Microseconds since 1970, UTC: how both engines keep times.
std::int64_t to_column(SystemTime time);
SystemTime from_column(std::int64_t number);

/// A driver's prepared statement. Parameters count from 1, columns from 0.
class Statement {
 public:
    virtual ~Statement() = default;
    virtual void bind_null(int index) = 0;
    virtual void bind_number(int index, std::int64_t value) = 0;
    virtual void bind_text(int index, std::string_view value) = 0;  // copied
    /// The same of a text that stays as it is until reset().
    virtual void bind_lasting(int index, std::string_view value) { bind_text(index, value); }
    /// Runs it, or goes on to the next row. False: no row (any more).
    virtual bool step() = 0;
    /// Ready for other values.
    virtual void reset() noexcept = 0;
    /// Of a bulk insert: what was given to step() is there now.
    virtual void finish() {}
    virtual std::int64_t changed() const = 0;
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t number(int column) const = 0;
    virtual std::string text(int column) const = 0;
};

/// What both engines can hold: invalid UTF-8 and U+0000 become U+FFFD (PostgreSQL has neither).
enum class Text { Copied, Lasting };
void bind_storable(Statement& statement, int index, std::string_view value, Text text);

template<class Value>
void bind_value(Statement& statement, int index, const Value& value, Text text = Text::Copied) {
    if constexpr (std::same_as<Value, SystemTime>) statement.bind_number(index, to_column(value));
    else if constexpr (std::integral<Value>) statement.bind_number(index, static_cast<std::int64_t>(value));
    else bind_storable(statement, index, value, text);
}
template<class Value>
void bind_value(Statement& statement, int index, const std::optional<Value>& value, Text text = Text::Copied) {
    value ? bind_value(statement, index, *value, text) : statement.bind_null(index);
}

class Database;

/// A statement in use; it goes back to its connection, which outlives this.
class Query {
 public:
    Query(Database& database, std::string_view sql, std::unique_ptr<Statement> statement)
        : database_(&database), sql_(sql), statement_(std::move(statement)) {}
    Query(Query&&) = default;
    Query& operator=(Query&&) = delete;
    ~Query();

    template<class... Values>
    void bind(const Values&... values) {
        int index = 0;
        (bind_value(*statement_, ++index, values), ...);
    }
    bool next() { return statement_->step(); }
    /// The rows that were changed.
    std::int64_t run() {
        while (statement_->step()) {
        }
        return statement_->changed();
    }
    /// For statements that run again and again, bulk inserts among them.
    template<class... Values>
    void add(const Values&... values) {
        int index = 0;
        (bind_value(*statement_, ++index, values, Text::Lasting), ...);
        statement_->step();
        statement_->reset();
    }
    void finish() { statement_->finish(); }

    bool is_null(int column) const { return statement_->is_null(column); }
    std::int64_t number(int column) const { return statement_->number(column); }
    int small(int column) const { return static_cast<int>(statement_->number(column)); }
    std::string text(int column) const { return statement_->text(column); }
    SystemTime time(int column) const { return from_column(statement_->number(column)); }
    std::optional<SystemTime> maybe_time(int column) const {
        return is_null(column) ? std::nullopt : std::optional(time(column));
    }

 private:
    Database* database_;
    std::string_view sql_;  // a literal or a constant
    std::unique_ptr<Statement> statement_;
};

/// What only one writer at a time may touch. SQLite has one writer anyway; PostgreSQL locks by its hash, to the
/// end of the transaction. Taken in this order where a transaction needs two: room, call.
struct Lock {
    static Lock none() { return {}; }
    static Lock of(std::string_view kind, std::string_view key = {}) { return {fmt::format("{}\n{}", kind, key)}; }
    static Lock room(std::string_view name) { return of("room", name); }
    static Lock call(std::int64_t id) { return of("call", std::to_string(id)); }
    std::string name;
};

enum class Mode {
    Plain,   // no transaction: one query
    Moment,  // all queries see the same moment
    Write,   // as if no other writer with the same lock were there
};

/// One connection of either engine.
class Database {
 public:
    virtual ~Database() = default;

    virtual void begin(Mode mode, const Lock& lock) = 0;
    /// A second lock within a transaction.
    virtual void lock(const Lock& lock) = 0;
    virtual void commit() = 0;
    virtual void rollback() noexcept = 0;
    /// False: broken, to be thrown away.
    virtual bool usable() const { return true; }
    /// True where `part` lies within `text` (both SQL), ASCII case ignored.
    virtual std::string contains(std::string_view text, std::string_view part) const = 0;
    /// Statements without parameters and rows.
    virtual void execute(const std::string& statements) = 0;
    /// Many rows into a table in the fastest way the engine has: add() each, then finish().
    virtual Query insert_many(std::string_view table, std::string_view columns, int count) = 0;

    /// `sql` outlives the result: a literal or a constant.
    template<class... Values>
    Query query(std::string_view sql, const Values&... values) {
        Query query(*this, sql, take(sql));
        query.bind(values...);
        return query;
    }
    /// The rows that were changed.
    template<class... Values>
    std::int64_t run(std::string_view sql, const Values&... values) {
        return query(sql, values...).run();
    }

 protected:
    virtual std::unique_ptr<Statement> prepare(std::string_view sql) = 0;
    /// Drivers do so before the connection goes.
    void forget_statements() { idle_.clear(); }

 private:
    friend class Query;
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    std::unique_ptr<Statement> take(std::string_view sql);
    void give_back(std::string_view sql, std::unique_ptr<Statement> statement) noexcept;
    std::unordered_map<std::string, std::unique_ptr<Statement>, Hash, std::equal_to<>> idle_;
};

/// `work` returns whether to keep what it did.
void in_transaction(Database& database, Mode mode, const Lock& lock, const std::function<bool(Database&)>& work);

/// How often a transaction that stood in others' way is tried again, and the pause before.
inline constexpr int kMostAgain = 10;
void step_back(int tries);

/// Where a store gets its connections from.
class Connections {
 public:
    using Lent = std::unique_ptr<Database, std::function<void(Database*)>>;
    virtual ~Connections() = default;
    virtual Lent lend() = 0;
    /// After a connection was lost: those that lie idle are likely to be lost, too.
    virtual void drop_idle() {}
};

}  // namespace voicectl::store
