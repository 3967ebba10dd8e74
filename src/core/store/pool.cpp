#include "core/store/pool.h"

namespace voicectl::store {

Connections::Lent Pool::lend() {
    const auto deadline = std::chrono::steady_clock::now() + settings_.patience;
    std::unique_lock lock(mutex_);
    while (true) {
        if (auto connection = take_idle(lock)) return lent(std::move(connection));
        if (open_ < settings_.size + settings_.overflow) break;
        if (freed_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty() && open_ >= settings_.size + settings_.overflow) {
            throw Failure(Failure::Kind::Final,
                          {Errc::Unreachable, fmt::format("all {} connections to {} are in use for {} s", open_, address_.shown, settings_.patience.count()),
                           "raise DB_POOL_SIZE or DB_MAX_OVERFLOW"});
        }
    }
    ++open_;
    lock.unlock();
    try {
        return lent(PostgresDatabase::connect(address_, access_));
    } catch (...) {
        give_up_place();
        throw;
    }
}

void Pool::adopt(std::unique_ptr<PostgresDatabase> connection) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
    ++open_;
}

// Asked without the lock: the network is slow.
std::unique_ptr<PostgresDatabase> Pool::take_idle(std::unique_lock<std::mutex>& lock) {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        lock.unlock();
        const bool good = still_good(*connection);
        if (!good) connection.reset();
        lock.lock();
        if (good) return connection;
        --open_;
        freed_.notify_one();
    }
    return nullptr;
}

bool Pool::still_good(PostgresDatabase& connection) const {
    const bool old = settings_.recycle.count() >= 0 && PostgresDatabase::Clock::now() - connection.since() >= settings_.recycle;
    return !old && connection.usable() && (!settings_.pre_ping || connection.answers());
}

Connections::Lent Pool::lent(std::unique_ptr<PostgresDatabase> connection) {
    return {connection.release(), [this](Database* given) { give_back(static_cast<PostgresDatabase*>(given)); }};
}

void Pool::give_back(PostgresDatabase* given) {
    std::unique_ptr<PostgresDatabase> connection(given);
    {
        std::lock_guard lock(mutex_);
        if (connection->usable() && idle_.size() < static_cast<std::size_t>(settings_.size)) idle_.push_back(std::move(connection));
        else --open_;
    }
    freed_.notify_one();
}

void Pool::give_up_place() {
    {
        std::lock_guard lock(mutex_);
        --open_;
    }
    freed_.notify_one();
}

void Pool::drop_idle() {
    std::vector<std::unique_ptr<PostgresDatabase>> dropped;
    std::lock_guard lock(mutex_);
    open_ -= static_cast<int>(idle_.size());
    dropped.swap(idle_);
}

}  // namespace voicectl::store
