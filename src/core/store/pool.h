// PostgreSQL connections for the threads of one store. Any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "core/store/postgres_database.h"

namespace voicectl::store {

class Pool final : public Connections {
 public:
    Pool(PostgresAddress address, PostgresDatabase::Access access, PoolSettings settings)
        : address_(std::move(address)), access_(access), settings_(settings) {}

    /// A connection that was made already.
    void adopt(std::unique_ptr<PostgresDatabase> connection);

    /// An idle connection that still answers, or a new one. Waits when all are in use. Throws Failure.
    Lent lend() override;
    void drop_idle() override;

 private:
    std::unique_ptr<PostgresDatabase> take_idle(std::unique_lock<std::mutex>& lock);
    bool still_good(PostgresDatabase& connection) const;
    void give_back(PostgresDatabase* connection);
    void give_up_place();
    Lent lent(std::unique_ptr<PostgresDatabase> connection);

    const PostgresAddress address_;
    const PostgresDatabase::Access access_;
    const PoolSettings settings_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<std::unique_ptr<PostgresDatabase>> idle_;  // the last used at the end
    int open_ = 0;                                         // idle, lent, and being made
};

}  // namespace voicectl::store
