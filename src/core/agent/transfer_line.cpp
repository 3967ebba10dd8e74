#include "transfer_line.h"

#include "process_messages.h"

namespace voicectl::agent {
namespace {

std::unexpected<Error> nobody_transfers() { return fail(Errc::Unreachable, "nobody is there who could transfer the call"); }

}  // namespace

void TransferLine::ask(const Transfer& wanted, TransferDone done) {
    if (closed_) return done(nobody_transfers());
    const auto id = ++last_id_;
    auto& asked = *asked_.emplace(id, std::make_unique<Asked>(loop_, std::move(done))).first->second;
    asked.patience.after(kTransferTime, [this, id] { end(id, fail(Errc::Timeout, "the transfer was not done within {} s", kTransferTime.count())); });
    send_(messages::transfer(id, wanted));
}

void TransferLine::answered(const nlohmann::json& message) { end(messages::id_of(message), messages::to_transferred(message)); }

void TransferLine::end(int id, const Result<void>& result) {
    const auto asked = asked_.extract(id);
    if (!asked.empty()) asked.mapped()->done(result);
}

void TransferLine::close() {
    closed_ = true;
    for (const auto& [id, asked] : std::exchange(asked_, {})) asked->done(nobody_transfers());
}

}  // namespace voicectl::agent
