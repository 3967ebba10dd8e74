// What the supervisor and its call processes say to each other, as JSON. Both are the same executable, so there are
// no versions; what cannot be read is a fault of ours and ends the connection.
#pragma once

#include <nlohmann/json.hpp>

#include "voicectl/agent/processes.h"

namespace voicectl::agent::messages {

nlohmann::json setup(const ProcessSetup& setup);
nlohmann::json call(const CallTicket& ticket);
nlohmann::json stop(const std::string& job_id, const std::string& reason);
nlohmann::json stop_all(const std::string& reason);
nlohmann::json ready();
nlohmann::json not_ready(const Error& error);
nlohmann::json ended(const CallOutcome& outcome);
/// Of a call process; `id` is its own, and comes back with the answer.
nlohmann::json transfer(int id, const Transfer& wanted);
nlohmann::json transferred(int id, const Result<void>& done);

std::string type_of(const nlohmann::json& message);
ProcessSetup to_setup(const nlohmann::json& message);
CallTicket to_ticket(const nlohmann::json& message);
CallOutcome to_outcome(const nlohmann::json& message);
Error to_error(const nlohmann::json& message);
int id_of(const nlohmann::json& message);  // 0: it has none
Transfer to_transfer(const nlohmann::json& message);
Result<void> to_transferred(const nlohmann::json& message);

}  // namespace voicectl::agent::messages
