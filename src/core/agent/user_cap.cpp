#include "voicectl/agent/user_cap.h"

#include "voicectl/agent/metadata.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

void log_unkept(const Result<void>& done) {
    if (!done) log::warn("agent", "the places of users are not kept", {{"error", done.error().message}});
}

}  // namespace

std::string user_of(const std::string& metadata) { return read_metadata(metadata).value.user_id; }

void UserCap::ask(const std::string& job_id, const std::string& user, std::function<void(Result<bool>)> done) {
    store_.run<bool>([lease = store::Lease{job_id, user}, most = most_, now = now_()](store::Store& open) { return open.take_lease(lease, most, now, now + kPlaceLife); },
                     lifeline_.guard(std::move(done)));
}

void UserCap::give_back(const std::string& job_id, std::function<void()> done) {
    auto told = lifeline_.guard([done = std::move(done)] {
        if (done) done();
    });
    store_.run<void>([job_id](store::Store& open) { return open.end_lease(job_id); },
                     [told = std::move(told)](const Result<void>& ended) mutable {
                         log_unkept(ended);
                         told();
                     });
}

void UserCap::renew(std::vector<store::Lease> held) {
    if (held.empty()) return;
    store_.run<void>([held = std::move(held), until = now_() + kPlaceLife](store::Store& open) { return open.renew_leases(held, until); }, log_unkept);
}

}  // namespace voicectl::agent
