#include "core/store/sql.h"

#include <algorithm>
#include <random>
#include <thread>

#include "voicectl/base/text.h"

namespace voicectl::store {

using std::chrono::microseconds;

std::int64_t to_column(SystemTime time) {
    return std::chrono::floor<microseconds>(time.time_since_epoch()).count();
}

SystemTime from_column(std::int64_t number) { return SystemTime(microseconds(number)); }

namespace {

bool is_plain_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

}  // namespace

void bind_storable(Statement& statement, int index, std::string_view value, Text lifetime) {
    if (is_plain_ascii(value)) return lifetime == Text::Lasting ? statement.bind_lasting(index, value) : statement.bind_text(index, value);
    auto text = valid_utf8(value);
    for (auto at = text.find('\0'); at != text.npos; at = text.find('\0', at)) text.replace(at, 1, "\xEF\xBF\xBD");
    statement.bind_text(index, text);
}

Query::~Query() {
    if (!statement_) return;
    statement_->reset();
    database_->give_back(sql_, std::move(statement_));
}

std::unique_ptr<Statement> Database::take(std::string_view sql) {
    const auto found = idle_.find(sql);
    return found != idle_.end() && found->second ? std::move(found->second) : prepare(sql);
}

void Database::give_back(std::string_view sql, std::unique_ptr<Statement> statement) noexcept {
    if (sql.empty()) return;  // a bulk insert, done with
    if (const auto found = idle_.find(sql); found != idle_.end()) found->second = std::move(statement);
    else idle_.emplace(sql, std::move(statement));
}

void in_transaction(Database& database, Mode mode, const Lock& lock, const std::function<bool(Database&)>& work) {
    database.begin(mode, lock);
    try {
        const bool keep = work(database);
        if (mode == Mode::Plain) return;
        keep ? database.commit() : database.rollback();
    } catch (...) {
        database.rollback();
        throw;
    }
}

// Of those who find out at once that they were in each other's way, not all shall come back at once.
void step_back(int tries) {
    thread_local std::minstd_rand random(std::random_device{}());
    const int most = std::min(200, 5 << std::min(tries, 6));
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + static_cast<int>(random() % static_cast<unsigned>(most))));
}

}  // namespace voicectl::store
