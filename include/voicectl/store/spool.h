// A Store that goes on while its database is away: what is written meanwhile waits in a file and is stored, in order
// and once, when the database answers again. Blocking, one owner, like any Store; AsyncStore tries again by itself.
//
// Calls, turns, transcripts, reports and sessions wait; a write that waits is acknowledged when it is synced to the
// file. Everything else (reads, places of users, who carries a call) is refused at once while the database is away.
// A call that begins meanwhile has a number below zero, which is good for this Store alone.
//
// The folder holds one file for each process (JSON lines, mode 0600: what callers say), and what was left by a process
// that died is stored by the next before anything of its own. What the database refuses for good goes to rejected.jsonl.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/store/store.h"

namespace voicectl::store {

struct SpoolOptions {
    std::string folder;
    std::uint64_t most_bytes = 256 * 1024 * 1024;  // of one process; then writes fail
    Duration first_wait = std::chrono::milliseconds(500), longest_wait = std::chrono::seconds(30);  // between tries; half to all of it, at random
    bool must_answer = true;  // false: opens although the database is away
    std::function<TimePoint()> now = Clock::now;
};

using OpenStore = std::function<Result<std::unique_ptr<Store>>()>;

/// `open` is called again whenever the database was away.
Result<std::unique_ptr<Store>> open_spooled(OpenStore open, SpoolOptions options);

/// The folder of a database, which no other database shares: beside a SQLite file, else under the state folder.
std::string spool_folder(const std::string& location);

/// What waits in a folder, of all processes.
struct SpoolState {
    int files = 0;
    std::uint64_t bytes = 0, rejected_bytes = 0;
};
SpoolState spool_state(const std::string& folder);

/// True for what is about the database and not about what was asked: no connection, too slow, a disk that is full, a
/// password that was changed.
bool may_pass(const Error& error);

}  // namespace voicectl::store
