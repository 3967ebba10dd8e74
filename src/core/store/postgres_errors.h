// What PostgreSQL's refusals mean to a user. Values; any thread.
#pragma once

#include "core/store/sql.h"

namespace voicectl::store {

/// Of a connection that did not come about. `message`: libpq's, in its verbose form, which has the SQLSTATE.
Failure connect_failure(const std::string& shown, const std::string& database, std::string_view message, bool needs_password);
/// Of a statement.
Failure statement_failure(const std::string& shown, std::string_view sqlstate, std::string_view message);

}  // namespace voicectl::store
