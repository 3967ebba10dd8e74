// One write as a line of JSON. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "voicectl/store/store.h"

namespace voicectl::store {

struct SpoolRecord {
    enum class Kind { Begin, End, Turn, Transcript, Report, Session, Placed };
    Kind kind = Kind::Begin;
    /// Below zero: a call that began while the database was away, by its number within the file. Of Begin 0: its number is known.
    std::int64_t call_id = 0;
    Call call;                // Begin, Transcript; of Placed its id in the database; of Turn, End and Report room and job, when call_id is of the database
    std::vector<Turn> turns;  // Transcript; Turn: one
    Session session;
    std::string report;               // Report
    std::string status, reason;       // End
    SystemTime at;                    // End
    int first = 0;                    // Placed: what its turns' numbers are moved by, as others had stored some before
};

/// Without the end of line.
std::string to_line(const SpoolRecord& record);
Result<SpoolRecord> parse_record(std::string_view line);

}  // namespace voicectl::store
