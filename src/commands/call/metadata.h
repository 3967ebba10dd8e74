// What is known of a call, as dispatches and rooms carry it (requirement A5). Values, any thread.
#pragma once

#include <string>

#include "commands/output.h"

namespace voicectl::commands {

struct CallFields {
    std::string user, assignment, scenario;  // userId, assignmentId, scenarioId; empty: not given
    std::string metadata;                    // a JSON object, merged over those (RFC 7396); empty: none
    bool schema = true;
};

/// Usage, naming the field, when the result is not as the schema has it: userId is there and a UUID,
/// assignmentId and scenarioId are UUIDs where they are there. Anything else may be there too.
Result<Json> call_metadata(const CallFields& fields);

}  // namespace voicectl::commands
