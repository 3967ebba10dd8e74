// A store as who looks after it sees it: what it holds, whether it is whole, bringing its schema up, giving space back.
// Opening changes nothing, whatever version its schema has (Store::open brings that up). Blocking, one owner, one thread.
// Both engines behave the same; a check reads everything, and on a file writers wait meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/store/spool.h"

namespace voicectl::store {

/// The version of the schema that this voicectl writes.
int known_schema_version();

struct StoreInfo {
    std::string engine, engine_version;  // SQLite with its library's version, PostgreSQL with its server's
    int schema = 0;                      // 0: nothing was stored yet
    std::int64_t bytes = 0;              // on disk: the file; all tables and indexes
    std::int64_t calls = 0, active_calls = 0, turns = 0, sessions = 0, events = 0, recordings = 0, waiting_deliveries = 0;
    std::optional<SystemTime> oldest, newest;  // calls, sessions, events
    std::string spool_folder;
    SpoolState spool;
};

struct Migration {
    int from = 0, to = 0;
    std::string backup;  // the file that was made first; "" for none
};

/// One thing that is wrong, what it means, and what to do.
struct StoreFinding {
    std::string message, advice;
};

/// What was looked at: at most kMostFindings of each.
struct StoreCheck {
    static constexpr int kMostFindings = 20;
    std::string id, title;
    std::vector<StoreFinding> findings;
};

/// What is over and old: finished calls with their turns, sessions that are not active, events with their log of deliveries.
struct OldRows {
    std::int64_t calls = 0, turns = 0, sessions = 0, events = 0;
    bool operator==(const OldRows&) const = default;
};

struct Vacuumed {
    std::int64_t before = 0, after = 0;  // bytes on disk
};

class StoreCare {
 public:
    /// NotFound when nothing is there; otherwise the errors of Store::open, save those of a schema.
    static Result<std::unique_ptr<StoreCare>> open(const std::string& place);
    /// The same; a file is made where there is none. To migrate what is not there yet.
    static Result<std::unique_ptr<StoreCare>> create(const std::string& place);
    virtual ~StoreCare() = default;

    virtual Result<StoreInfo> info() = 0;
    /// The version of its schema, 0 where nothing was stored yet. Conflict for one that only a newer voicectl knows.
    virtual Result<int> known_schema() = 0;
    /// One transaction: killed at any time it is the old schema or the new one. With `backup` a file is copied beside
    /// itself first, where there is something to bring up. Conflict for a newer schema.
    virtual Result<Migration> migrate(bool backup) = 0;
    /// Everything is read. Damage is a finding and no error.
    virtual Result<std::vector<StoreCheck>> check() = 0;
    virtual Result<OldRows> count_old(SystemTime before) = 0;
    /// In small transactions, so that agents go on writing; what was removed, also when an error ends it half-way.
    virtual Result<OldRows> remove_old(SystemTime before) = 0;
    /// Timeout while another process writes: nothing was done.
    virtual Result<Vacuumed> vacuum() = 0;
};

}  // namespace voicectl::store
