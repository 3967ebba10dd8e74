// What looking after a store needs of an engine beyond SQL that both understand. Throws Failure.
#pragma once

#include <set>

#include "core/store/sql.h"
#include "voicectl/store/care.h"

namespace voicectl::store {

class CareEngine {
 public:
    virtual ~CareEngine() = default;
    virtual Database& database() = 0;
    virtual std::string name() const = 0;
    virtual std::string version() = 0;
    virtual std::string shown() const = 0;
    /// Usage when it is another program's; whatever version it is.
    virtual Result<int> schema_version() = 0;
    /// Nothing for what cannot be written; once before the first change.
    virtual Result<void> prepare_to_write() = 0;
    /// Within a transaction that writes; the version it had.
    virtual Result<int> migrate() = 0;
    /// A copy of all of it beside it; its path.
    virtual Result<std::string> back_up(int version) = 0;
    virtual std::vector<std::string> expected_objects(int version) const = 0;
    /// Tables, indexes that are valid, triggers that are on.
    virtual std::set<std::string> objects() = 0;
    virtual std::int64_t bytes() = 0;
    /// Every page that can be told to be damaged.
    virtual std::vector<StoreFinding> damage() = 0;
    /// What breaks the rule of docs/store.md on write-ahead logs.
    virtual std::optional<StoreFinding> unsafe_journal() = 0;
    virtual void give_space_back() = 0;
    /// A command line that runs this SQL, to be copied.
    virtual std::string command_for(const std::string& sql) const = 0;
};

Result<std::unique_ptr<CareEngine>> sqlite_care(const std::string& path);
Result<std::unique_ptr<CareEngine>> postgres_care(const std::string& url);

}  // namespace voicectl::store
