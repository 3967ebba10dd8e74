#include "core/store/postgres_database.h"

#include <poll.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "core/store/postgres_errors.h"
#include "core/store/postgres_library.h"
#include "core/store/schema.h"

namespace voicectl::store {
namespace {

using Kind = Failure::Kind;
using Clock = PostgresDatabase::Clock;

constexpr std::chrono::seconds kPingPatience{5};

// FNV-1a: the same in every process and version, as locks have to be.
std::int64_t lock_number(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return static_cast<std::int64_t>(hash);
}

std::int64_t number_in(const char* text) {
    std::int64_t number = 0;
    std::from_chars(text, text + std::char_traits<char>::length(text), number);
    return number;
}

class PostgresStatement final : public Statement {
 public:
    PostgresStatement(PostgresDatabase& database, const std::string& name) : database_(database), name_(name) {}

    void bind_null(int index) override { slot(index).reset(); }
    void bind_number(int index, std::int64_t value) override { slot(index) = std::to_string(value); }
    void bind_text(int index, std::string_view value) override { slot(index) = std::string(value); }
    bool step() override {
        if (!answer_.result) execute();
        return ++row_ < database_.pq().ntuples(answer_.result.get());
    }
    void reset() noexcept override {
        answer_.result.reset();
        row_ = -1;
    }
    std::int64_t changed() const override { return number_in(database_.pq().cmd_tuples(answer_.result.get())); }
    bool is_null(int column) const override { return database_.pq().getisnull(answer_.result.get(), row_, column) != 0; }
    std::int64_t number(int column) const override { return number_in(database_.pq().getvalue(answer_.result.get(), row_, column)); }
    std::string text(int column) const override {
        return {database_.pq().getvalue(answer_.result.get(), row_, column),
                static_cast<std::size_t>(database_.pq().getlength(answer_.result.get(), row_, column))};
    }

 private:
    std::optional<std::string>& slot(int index) {
        const auto at = static_cast<std::size_t>(index);
        if (values_.size() < at) values_.resize(at);
        return values_[at - 1];
    }
    void execute() {
        std::vector<const char*> pointers;
        pointers.reserve(values_.size());
        for (const auto& value : values_) pointers.push_back(value ? value->c_str() : nullptr);
        answer_ = database_.ask([&] {
            return database_.pq().send_query_prepared(database_.handle(), name_.c_str(), static_cast<int>(pointers.size()), pointers.data(),
                                                      nullptr, nullptr, 0);
        });
        row_ = -1;
    }

    PostgresDatabase& database_;
    const std::string& name_;  // the connection's
    std::vector<std::optional<std::string>> values_;
    PostgresDatabase::Answer answer_{{nullptr, nullptr}};
    int row_ = -1;
};

// COPY … FROM STDIN, in its text form (the documentation's section on COPY, "Text Format").
class CopyStatement final : public Statement {
 public:
    explicit CopyStatement(PostgresDatabase& database) : database_(database) {}
    ~CopyStatement() override {
        if (!finished_) database_.end_copy_quietly();
    }
    void bind_null(int index) override {
        begin_field(index);
        rows_ += "\\N";
    }
    void bind_number(int index, std::int64_t value) override {
        begin_field(index);
        rows_ += std::to_string(value);
    }
    void bind_text(int index, std::string_view value) override {
        begin_field(index);
        for (const char c : value) {
            const char* escape = c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : nullptr;
            if (escape != nullptr) rows_ += escape;
            else rows_ += c;
        }
    }
    bool step() override {
        rows_ += '\n';
        if (rows_.size() >= kPortion) send();
        return false;
    }
    void reset() noexcept override {}
    void finish() override {
        send();
        finished_ = true;
        database_.end_copy(nullptr);
    }
    std::int64_t changed() const override { return 0; }
    bool is_null(int) const override { return true; }
    std::int64_t number(int) const override { return 0; }
    std::string text(int) const override { return {}; }

 private:
    static constexpr std::size_t kPortion = 256 * 1024;
    void begin_field(int index) {
        if (index > 1) rows_ += '\t';
    }
    void send() {
        if (rows_.empty()) return;
        finished_ = true;  // should it fail, the server has ended it
        database_.put_copy_data(rows_);
        finished_ = false;
        rows_.clear();
    }
    PostgresDatabase& database_;
    bool finished_ = false;
    std::string rows_;
};

}  // namespace

PostgresDatabase::PostgresDatabase(const PostgresLibrary& pq, const PostgresAddress& address)
    : pq_(pq), shown_(address.shown), database_name_(address.value("dbname")) {}

PostgresDatabase::~PostgresDatabase() {
    forget_statements();
    pq_.finish(handle_);
}

std::unique_ptr<PostgresDatabase> PostgresDatabase::connect(const PostgresAddress& address, Access access) {
    const auto pq = postgres_library();
    if (!pq) throw Failure(Kind::Final, pq.error());
    const auto hosts = address.hosts();
    for (std::size_t i = 0;; ++i) {
        std::unique_ptr<PostgresDatabase> made(new PostgresDatabase(**pq, address));
        try {
            made->start(hosts[i]);
            made->set_up(access);
            return made;
        } catch (const Failure& failure) {
            if (i + 1 == hosts.size()) throw;
        }
    }
}

void PostgresDatabase::start(const PostgresAddress& address) {
    auto settings = address;
    settings.set_default("fallback_application_name", "voicectl");
    // A peer that vanished without a word is noticed within a minute.
    settings.set_default("keepalives", "1");
    settings.set_default("keepalives_idle", "30");
    settings.set_default("keepalives_interval", "10");
    settings.set_default("keepalives_count", "3");
    settings.set_default("tcp_user_timeout", "60000");
    std::vector<const char*> keywords, values;
    for (const auto& [keyword, value] : settings.parameters) {
        if (keyword == "client_encoding") continue;
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.insert(keywords.end(), {"client_encoding", nullptr});
    values.insert(values.end(), {"UTF8", nullptr});
    handle_ = pq_.connect_start(keywords.data(), values.data(), 0);
    if (handle_ == nullptr) throw Failure(Kind::Final, {Errc::Other, "out of memory", {}});
    pq_.set_error_verbosity(handle_, PQERRORS_VERBOSE);  // so that a refusal has its SQLSTATE, whatever its language
    pq_.set_notice_receiver(handle_, [](void*, const PGresult*) {}, nullptr);  // not on our standard error
    finish_handshake(settings.connect_timeout);
}

void PostgresDatabase::finish_handshake(std::chrono::seconds limit) {
    const auto deadline = Clock::now() + limit;
    if (pq_.status(handle_) == CONNECTION_BAD) throw_refused();
    for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK; next = pq_.connect_poll(handle_)) {
        if (next == PGRES_POLLING_FAILED) throw_refused();
        try {
            wait_for(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
        } catch (const Failure&) {
            throw Failure(Kind::Final, {Errc::Unreachable, fmt::format("cannot reach {}: no answer within {} s", shown_, limit.count()),
                                        "is PostgreSQL running there? pg_isready --host=HOST --port=PORT tells"});
        }
    }
    pq_.set_nonblocking(handle_, 1);
}

void PostgresDatabase::set_up(Access access) {
    const char* encoding = pq_.parameter_status(handle_, "server_encoding");
    if (encoding != nullptr && std::string_view(encoding) != "UTF8") {
        throw Failure(Kind::Final, {Errc::Config, fmt::format("{} keeps text as {}, which cannot hold all of it", shown_, encoding),
                                    fmt::format("createdb --encoding=UTF8 --template=template0 {}", database_name_)});
    }
    // A client that stops in the middle must not hold its locks for ever. An acknowledged turn is on disk, even where the
    // server's default is to say so early.
    std::string settings =
        "SET search_path TO voicectl; SET idle_in_transaction_session_timeout TO '60s'; "
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
    if (access == Access::ReadOnly) settings += "; SET default_transaction_read_only TO on";
    ask(settings);
}

int PostgresDatabase::backend_pid() const { return pq_.backend_pid(handle_); }

bool PostgresDatabase::standby() const {
    const char* status = pq_.parameter_status(handle_, "in_hot_standby");
    return status != nullptr && std::string_view(status) == "on";
}

void PostgresDatabase::throw_refused() {
    broken_ = true;
    throw connect_failure(shown_, database_name_, pq_.error_message(handle_), pq_.needs_password(handle_) != 0);
}

void PostgresDatabase::throw_lost() {
    broken_ = true;
    throw Failure(Kind::Lost, {Errc::Unreachable, fmt::format("lost the connection to {}", shown_), "the server stops or was restarted: try again in a moment"});
}

void PostgresDatabase::throw_failed(const PGresult* result) {
    const auto field = [&](int which) {
        const char* text = pq_.result_error_field(result, which);
        return std::string_view(text != nullptr ? text : "");
    };
    const auto code = field(PG_DIAG_SQLSTATE);
    if (code.empty()) throw_lost();  // libpq's own: the connection broke
    // The primary message alone: details may quote rows, and what callers say is private.
    auto failure = statement_failure(shown_, code, field(PG_DIAG_MESSAGE_PRIMARY));
    if (failure.kind == Kind::Lost) broken_ = true;
    throw failure;
}

void PostgresDatabase::wait_for(short events, Clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd waiting{pq_.socket(handle_), events, 0};
        const int ready = left > 0 ? poll(&waiting, 1, static_cast<int>(left)) : 0;
        if (ready > 0) return;
        if (ready < 0 && errno == EINTR) continue;
        broken_ = true;
        throw Failure(Kind::Final, {Errc::Timeout, fmt::format("{} does not answer; whether the last change was kept is not known", shown_),
                                    "the same may be saved again: nothing is there twice"});
    }
}

// The server may have things to say before it reads on.
void PostgresDatabase::flush(Clock::time_point deadline) {
    for (int left = pq_.flush(handle_); left != 0; left = pq_.flush(handle_)) {
        if (left < 0) return;  // what the server said last is there to be read
        wait_for(POLLIN | POLLOUT, deadline);
        if (pq_.consume_input(handle_) == 0) return;
    }
}

PGresult* PostgresDatabase::next_result(Clock::time_point deadline) {
    while (pq_.is_busy(handle_) != 0) {
        wait_for(POLLIN, deadline);
        if (pq_.consume_input(handle_) == 0) break;
    }
    return pq_.get_result(handle_);
}

PostgresDatabase::Answer PostgresDatabase::ask(const std::function<int()>& send, std::optional<std::chrono::milliseconds> patience) {
    if (broken_ || send() == 0) throw_lost();
    const auto deadline = Clock::now() + patience.value_or(patience_);
    flush(deadline);
    Answer last{{nullptr, pq_.clear}};
    while (auto* result = next_result(deadline)) {
        std::unique_ptr<PGresult, void (*)(PGresult*)> next(result, pq_.clear);
        const auto status = pq_.result_status(result);
        if (last.result && pq_.result_status(last.result.get()) == PGRES_FATAL_ERROR) continue;  // the first one says why
        last.result = std::move(next);
        if (status == PGRES_COPY_IN) break;
    }
    if (!last.result) throw_lost();
    const auto status = pq_.result_status(last.result.get());
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) throw_failed(last.result.get());
    return last;
}

PostgresDatabase::Answer PostgresDatabase::ask(const std::string& statements, std::optional<std::chrono::milliseconds> patience) {
    return ask([&] { return pq_.send_query(handle_, statements.c_str()); }, patience);
}

void PostgresDatabase::execute(const std::string& statements) { ask(statements); }

bool PostgresDatabase::answers() noexcept {
    try {
        ask("", kPingPatience);
        return true;
    } catch (const std::exception&) {
        broken_ = true;
        return false;
    }
}

void PostgresDatabase::begin(Mode mode, const Lock& lock) {
    if (mode == Mode::Plain) return;
    // In one message: the number needs no quoting.
    std::string statements = mode == Mode::Moment ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED";
    if (!lock.name.empty()) statements += fmt::format("; SELECT pg_advisory_xact_lock({})", lock_number(lock.name));
    ask(statements);
}

void PostgresDatabase::lock(const Lock& lock) { ask(fmt::format("SELECT pg_advisory_xact_lock({})", lock_number(lock.name))); }

void PostgresDatabase::commit() {
    try {
        const auto answer = ask("COMMIT");
        if (std::string_view(pq_.cmd_status(answer.result.get())) != "COMMIT")
            throw Failure(Kind::Final, {Errc::Other, fmt::format("{} did not keep the change", shown_), {}});
    } catch (const Failure& failure) {
        if (failure.kind != Kind::Lost) throw;
        throw Failure(Kind::Uncertain, {failure.error.code, fmt::format("{} while it was saving: whether it is kept is not known", failure.error.message),
                                        failure.error.hint});
    }
}

void PostgresDatabase::rollback() noexcept {
    if (broken_ || pq_.transaction_status(handle_) == PQTRANS_IDLE) return;
    try {
        ask("ROLLBACK");
    } catch (const std::exception&) {
        broken_ = true;
    }
}

bool PostgresDatabase::usable() const {
    return !broken_ && pq_.status(handle_) == CONNECTION_OK && pq_.transaction_status(handle_) == PQTRANS_IDLE;
}

// By bytes and for ASCII alone, as SQLite does it.
std::string PostgresDatabase::contains(std::string_view text, std::string_view part) const {
    return fmt::format("strpos(lower({} COLLATE \"C\"), lower({} COLLATE \"C\")) > 0", text, part);
}

const std::string& PostgresDatabase::prepared(const std::string& sql) {
    if (const auto known = prepared_.find(sql); known != prepared_.end()) return known->second;
    const auto name = fmt::format("voicectl_{}", prepared_.size());
    ask([&] { return pq_.send_prepare(handle_, name.c_str(), sql.c_str(), 0, nullptr); });
    return prepared_.emplace(sql, name).first->second;
}

std::unique_ptr<Statement> PostgresDatabase::prepare(std::string_view sql) {
    return std::make_unique<PostgresStatement>(*this, prepared(std::string(sql)));
}

Query PostgresDatabase::insert_many(std::string_view table, std::string_view columns, int) {
    ask(fmt::format("COPY {} ({}) FROM STDIN", table, columns));
    return Query(*this, {}, std::make_unique<CopyStatement>(*this));
}

void PostgresDatabase::put_copy_data(const std::string& rows) {
    const auto deadline = Clock::now() + kAnswerPatience;
    int sent = 0;
    while ((sent = pq_.put_copy_data(handle_, rows.data(), static_cast<int>(rows.size()))) == 0) flush(deadline);
    if (sent < 0) {
        ask([] { return 1; });  // throws what the server has said
        throw_lost();
    }
    flush(deadline);
}

// The end's own answer tells what became of the rows; `why_not`: they are not wanted.
void PostgresDatabase::end_copy(const char* why_not) {
    ask([&] {
        int sent = 0;
        while ((sent = pq_.put_copy_end(handle_, why_not)) == 0) flush(Clock::now() + kAnswerPatience);
        return sent < 0 ? 0 : 1;
    });
}

void PostgresDatabase::end_copy_quietly() noexcept {
    try {
        end_copy("given up");
    } catch (const std::exception&) {  // it says that it was given up
    }
}

}  // namespace voicectl::store
