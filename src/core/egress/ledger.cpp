#include "core/egress/ledger.h"

#include "voicectl/base/log.h"

namespace voicectl::egress {

void Ledger::write(JournalEntry entry, std::function<void(Result<void>)> done) {
    auto told = lifeline_.guard([id = entry.request.egress_id, done = std::move(done)](const Result<void>& written) {
        if (done) return done(written);
        if (!written) log::warn("egress", "the journal is not written: after a crash this job would be lost", {{"egress", id}, {"error", written.error().message}});
    });
    queue_.post([journal = journal_, entry = std::move(entry), told = std::move(told), &loop = loop_]() mutable {
        loop.post([written = journal->write(entry), told = std::move(told)]() mutable { told(written); });
    });
}

void Ledger::remove(const std::string& egress_id, std::function<void()> done) {
    auto told = lifeline_.guard([egress_id, done = std::move(done)](const Result<void>& removed) {
        if (!removed) log::warn("egress", "a job that is over stays in the journal", {{"egress", egress_id}, {"error", removed.error().message}});
        if (done) done();
    });
    queue_.post([journal = journal_, egress_id, told = std::move(told), &loop = loop_]() mutable {
        loop.post([removed = journal->remove(egress_id), told = std::move(told)]() mutable { told(removed); });
    });
}

}  // namespace voicectl::egress
