// What of a spooled store does not wait: it is asked of the database, or refused while that is away. Only a call that
// began meanwhile is read from our own file.
#include <sys/stat.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "core/store/postgres_address.h"
#include "core/store/spooled_store.h"

namespace voicectl::store {

namespace {

// Other characters become %2F and the like, so that two names stay two.
std::string file_name(std::string_view text, std::string_view also = {}) {
    std::string out;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || also.find(c) != also.npos) out += c;
        else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

// What an address leaves out is in libpq's variables ("Environment Variables" in its documentation).
std::string setting(const PostgresAddress& address, const char* keyword, const char* name, const std::string& otherwise = {}) {
    if (const auto given = address.value(keyword); !given.empty()) return given;
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

// Host, port and database: without user, password and options, which may change, and one of them is secret.
std::string name_of_database(const std::string& url) {
    const auto address = PostgresAddress::parse(url);
    if (!address) return file_name(shown_place(url));
    const auto host = setting(*address, "hostaddr", "PGHOSTADDR", setting(*address, "host", "PGHOST", "local"));
    const auto database = setting(*address, "dbname", "PGDATABASE", setting(*address, "user", "PGUSER", "default"));
    auto name = fmt::format("{}_{}_{}", file_name(host), file_name(setting(*address, "port", "PGPORT", "5432")), file_name(database, "_"));
    if (const auto service = setting(*address, "service", "PGSERVICE"); !service.empty()) name += "%service_" + file_name(service);
    return name;
}

}  // namespace

bool may_pass(const Error& error) {
    return error.code == Errc::Unreachable || error.code == Errc::Timeout || error.code == Errc::Io || error.code == Errc::Auth;
}

Result<std::unique_ptr<Store>> open_spooled(OpenStore open, SpoolOptions options) {
    auto store = open();
    if (!store && (options.must_answer || !may_pass(store.error()))) return store;
    return std::make_unique<SpooledStore>(std::move(open), std::move(options), std::move(store));
}

std::string spool_folder(const std::string& location) {
    if (location.find("://") == std::string::npos) return location + ".spool";
    return state_folder() + "/spool/" + name_of_database(location);
}

SpoolState spool_state(const std::string& folder) {
    SpoolState out;
    struct stat status {};
    for (const auto& path : spool_files(folder)) {
        if (stat(path.c_str(), &status) != 0 || status.st_size == 0) continue;
        ++out.files;
        out.bytes += static_cast<std::uint64_t>(status.st_size);
    }
    if (stat((folder + "/rejected.jsonl").c_str(), &status) == 0) out.rejected_bytes = static_cast<std::uint64_t>(status.st_size);
    return out;
}

Result<std::string> SpooledStore::report(std::int64_t call_id) {
    catch_up();
    if (const auto place = places_.find(call_id); place != places_.end()) call_id = place->second.id;
    if (call_id >= 0) return ask([&](Store& store) { return store.report(call_id); });
    std::string out;
    if (!own_) return out;
    VC_TRY(own_->read(0, [&](std::string_view line, std::uint64_t) -> Result<void> {
        VC_TRY_ASSIGN(auto record, parse_record(line));
        if (record.kind == Kind::Report && record.call_id == call_id) out = std::move(record.report);
        return {};
    }));
    return out;
}

Result<void> SpooledStore::turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) {
    catch_up();
    if (const auto place = places_.find(call_id); place != places_.end()) call_id = place->second.id;
    if (call_id >= 0) return ask([&](Store& store) { return store.turns(call_id, each); });
    if (!own_) return {};
    bool more = true;
    return own_->read(0, [&](std::string_view line, std::uint64_t) -> Result<void> {
        VC_TRY_ASSIGN(const auto record, parse_record(line));
        if (more && record.kind == Kind::Turn && record.call_id == call_id) more = each(record.turns.at(0));
        return {};
    });
}

Result<std::vector<Call>> SpooledStore::list(const CallFilter& filter) {
    return ask([&](Store& store) { return store.list(filter); });
}

Result<Call> SpooledStore::find(const std::string& id_or_room) {
    return ask([&](Store& store) { return store.find(id_or_room); });
}

Result<Session> SpooledStore::find_session(const std::string& id) {
    return ask([&](Store& store) { return store.find_session(id); });
}

Result<Call> SpooledStore::call(std::int64_t id) {
    return ask([&](Store& store) { return store.call(id); });
}

Result<void> SpooledStore::save_assignment(const Assignment& assignment) {
    return ask([&](Store& store) { return store.save_assignment(assignment); });
}

Result<Session> SpooledStore::create_session(const Session& session) {
    return ask([&](Store& store) { return store.create_session(session); });
}

Result<Session> SpooledStore::finalize_session(const std::string& id, SystemTime at) {
    return ask([&](Store& store) { return store.finalize_session(id, at); });
}

Result<void> SpooledStore::check_assignment(const Assignment& claimed) {
    return ask([&](Store& store) { return store.check_assignment(claimed); });
}

Result<std::vector<Session>> SpooledStore::list_sessions(const SessionFilter& filter) {
    return ask([&](Store& store) { return store.list_sessions(filter); });
}

Result<void> SpooledStore::save_assessment(const Assessment& assessment, bool replace) {
    return ask([&](Store& store) { return store.save_assessment(assessment, replace); });
}

Result<Assessment> SpooledStore::find_assessment(std::int64_t call_id, const std::string& kind) {
    return ask([&](Store& store) { return store.find_assessment(call_id, kind); });
}

Result<bool> SpooledStore::take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) {
    return ask([&](Store& store) { return store.take_lease(lease, most, now, until); });
}

Result<void> SpooledStore::renew_leases(const std::vector<Lease>& leases, SystemTime until) {
    return ask([&](Store& store) { return store.renew_leases(leases, until); });
}

Result<void> SpooledStore::end_lease(const std::string& job_id) {
    return ask([&](Store& store) { return store.end_lease(job_id); });
}

Result<void> SpooledStore::carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) {
    return ask([&](Store& store) { return store.carry(rooms_and_jobs, carrier, until); });
}

Result<std::vector<CarriedCall>> SpooledStore::carried(const std::string& agent_name) {
    return ask([&](Store& store) { return store.carried(agent_name); });
}

Result<bool> SpooledStore::take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) {
    return ask([&](Store& store) { return store.take_over(seen, carrier, until); });
}

Result<void> SpooledStore::save_refusal(const Refusal& refusal) {
    return ask([&](Store& store) { return store.save_refusal(refusal); });
}

Result<std::vector<Refusal>> SpooledStore::refusals(const std::string& dispatch_id) {
    return ask([&](Store& store) { return store.refusals(dispatch_id); });
}

}  // namespace voicectl::store
