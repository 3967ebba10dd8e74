// A room whose attempt 1 has one transcript or another, told apart by its stamp (writer.h).
#pragma once

#include "writer.h"

namespace voicectl::store {

inline constexpr const char* kDemo = "room-1";

inline Result<Call> save_stamp(Store& store, int stamp) {
    std::vector<Turn> turns;
    for (int i = 0; i < orders::turns_of(stamp); ++i) turns.push_back(orders::turn_of(stamp, i));
    return store.save_transcript(orders::call_of({.room = 1, .attempt = 1, .stamp = stamp}), turns);
}

/// The stamp of what is stored, 0 for nothing; -1: no whole transcript, or more than one.
inline int stored_stamp(Store& store) {
    const auto answer = orders::look(store, 1);
    if (!answer.done) return -1;
    if (answer.count == 0) return 0;
    const auto& found = answer.found[0];
    return answer.count == 1 && found.whole && found.turns == orders::turns_of(found.stamp) ? found.stamp : -1;
}

/// As a command would end: its exit code, its one line, its hint.
inline std::string outcome(const Result<Call>& saved, int stamp) {
    if (saved) return fmt::format("saved {}", stamp);
    return fmt::format("error {} {} | {}", exit_code(saved.error().code), saved.error().message, saved.error().hint);
}

}  // namespace voicectl::store
