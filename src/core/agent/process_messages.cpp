#include "process_messages.h"

#include <limits>

namespace voicectl::agent::messages {

using Json = nlohmann::json;

namespace {

std::string text(const Json& message, const char* key) { return message.value(key, std::string()); }

/// 1e300 is a number, too.
int integer(const Json& message, const char* key, int fallback) {
    const auto found = message.find(key);
    if (found == message.end()) return fallback;
    if (!found->is_number_integer() || *found < std::numeric_limits<int>::min() || *found > std::numeric_limits<int>::max()) return fallback;
    return found->get<int>();
}

Json error_message(const char* type, const Error& error) {
    return {{"type", type}, {"code", static_cast<int>(error.code)}, {"message", error.message}, {"hint", error.hint}};
}

}  // namespace

Json setup(const ProcessSetup& s) {
    return {{"type", "setup"}, {"file", s.file}, {"yaml", s.yaml}, {"name", s.name}, {"store", s.store}, {"logJson", s.log_json}, {"debug", s.debug}, {"quiet", s.quiet}, {"supervisor", s.supervisor}, {"files", s.files}};
}

ProcessSetup to_setup(const Json& m) {
    return {text(m, "file"), text(m, "yaml"), text(m, "name"), text(m, "store"), m.value("logJson", false), m.value("debug", false), m.value("quiet", false),
            text(m, "supervisor"), m.value("files", std::map<std::string, std::string>())};
}

Json call(const CallTicket& t) {
    return {{"type", "call"}, {"job", t.job_id}, {"room", t.room}, {"url", t.url}, {"token", t.token}, {"metadata", t.metadata}, {"resumed", t.resumed}};
}

CallTicket to_ticket(const Json& m) {
    return {text(m, "job"), text(m, "room"), text(m, "url"), text(m, "token"), text(m, "metadata"), m.value("resumed", false)};
}

Json stop(const std::string& job_id, const std::string& reason) { return {{"type", "stop"}, {"job", job_id}, {"reason", reason}}; }

Json stop_all(const std::string& reason) { return {{"type", "stopAll"}, {"reason", reason}}; }

Json ready() { return {{"type", "ready"}}; }

Json not_ready(const Error& error) { return error_message("notReady", error); }

Error to_error(const Json& m) {
    const auto code = integer(m, "code", 0);
    const bool known = code >= 0 && code <= static_cast<int>(Errc::Terminated);
    return {known ? static_cast<Errc>(code) : Errc::Other, text(m, "message"), text(m, "hint")};
}

Json ended(const CallOutcome& o) {
    return {{"type", "ended"}, {"job", o.job_id}, {"good", o.good}, {"reason", o.reason}, {"turns", o.turns}};
}

CallOutcome to_outcome(const Json& m) { return {text(m, "job"), m.value("good", true), text(m, "reason"), integer(m, "turns", 0)}; }

Json transfer(int id, const Transfer& t) {
    return {{"type", "transfer"}, {"id", id}, {"job", t.job_id}, {"room", t.room}, {"identity", t.identity}, {"to", t.to}};
}

Transfer to_transfer(const Json& m) { return {text(m, "job"), text(m, "room"), text(m, "identity"), text(m, "to")}; }

Json transferred(int id, const Result<void>& done) {
    auto message = done ? Json{{"type", "transferred"}} : error_message("transferred", done.error());
    message["id"] = id;
    message["done"] = done.has_value();
    return message;
}

Result<void> to_transferred(const Json& m) {
    if (m.value("done", false)) return {};
    return std::unexpected(to_error(m));
}

int id_of(const Json& message) { return integer(message, "id", 0); }

std::string type_of(const Json& message) { return text(message, "type"); }

}  // namespace voicectl::agent::messages
