// Where a PostgreSQL store lies, and how its connections are kept. Values; any thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::store {

struct PostgresAddress {
    /// Usage: what libpq does not understand, and passwords whose @, / or ? are not percent-encoded (the rest of them
    /// would be taken for a host's name, and shown). The password is masked in all logs from now on.
    static Result<PostgresAddress> parse(const std::string& url);
    /// One per host, to be tried in order: libpq's own limit per host is not there where we wait.
    std::vector<PostgresAddress> hosts() const;
    std::string value(std::string_view keyword) const;
    void set_default(const std::string& keyword, const std::string& value);

    std::string shown;  // without password and parameters
    std::vector<std::pair<std::string, std::string>> parameters;
    std::chrono::seconds connect_timeout{10};
};

/// Usage for an address that is neither PostgreSQL's nor a path.
Result<void> refuse_other_schemes(const std::string& place);

/// Variables and meanings are those of SQLAlchemy's pool.
struct PoolSettings {
    /// DB_POOL_SIZE, DB_MAX_OVERFLOW, DB_POOL_RECYCLE, DB_POOL_PRE_PING, DB_POOL_TIMEOUT. Config: what is no such value.
    static Result<PoolSettings> from_environment();

    int size = 10;                      // kept open
    int overflow = 20;                  // beyond that, closed when they are given back
    std::chrono::seconds recycle{3600}; // older ones are replaced; negative: never
    bool pre_ping = true;               // ask each before it is used
    std::chrono::seconds patience{30};  // for a connection when all are in use
};

}  // namespace voicectl::store
