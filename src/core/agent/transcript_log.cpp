#include "transcript_log.h"

#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

std::function<void(Result<void>)> log_failure(std::string room) {
    return [room = std::move(room)](const Result<void>& result) {
        if (!result) log::error("agent", "transcript not stored", {{"room", room}, {"error", result.error().message}});
    };
}

}  // namespace

TranscriptLog::TranscriptLog(store::AsyncStore& store, store::Call call) : store_(store), call_(std::move(call)) { begin(); }

void TranscriptLog::begin() {
    store_.run<void>(
        [shared = shared_, call = call_](store::Store& open) -> Result<void> {
            VC_TRY_ASSIGN(const auto stored, open.begin_call(call));
            shared->call_id = stored.id;
            return {};
        },
        log_failure(call_.room));
}

void TranscriptLog::set_caller(const std::string& identity) {
    if (call_.job_id.empty() || std::exchange(call_.caller_identity, identity) == identity) return;  // without a job it would be another call
    begin();  // the same call: the store fills in what it lacks
}

void TranscriptLog::recall(std::function<void(std::vector<store::Turn>)> done) {
    using Turns = std::vector<store::Turn>;
    store_.run<Turns>(
        [shared = shared_](store::Store& open) -> Result<Turns> {
            Turns turns;
            if (!shared->call_id) return turns;
            VC_TRY(open.turns(*shared->call_id, [&turns](const store::Turn& turn) {
                turns.push_back(turn);
                return true;
            }));
            return turns;
        },
        lifeline_.guard([this, done = std::move(done)](Result<Turns> turns) {
            if (!turns) log::error("agent", "transcript not read", {{"room", call_.room}, {"error", turns.error().message}});
            if (turns && !turns->empty()) next_ = turns->back().sequence + 1;
            done(turns ? std::move(*turns) : Turns());
        }));
}

void TranscriptLog::add(store::Turn turn) {
    turn.sequence = next_++;
    store_.run<void>(
        [shared = shared_, turn = std::move(turn)](store::Store& open) -> Result<void> {
            if (!shared->call_id) return fail(Errc::Io, "turn {} has no call to belong to", turn.sequence);
            return open.save_turn(*shared->call_id, turn);
        },
        log_failure(call_.room));
}

void TranscriptLog::end(const std::string& status, const std::string& reason) {
    store_.run<void>(
        [shared = shared_, status, reason, at = std::chrono::system_clock::now()](store::Store& open) -> Result<void> {
            if (!shared->call_id) return {};
            return open.end_call(*shared->call_id, status, reason, at);
        },
        log_failure(call_.room));
}

}  // namespace voicectl::agent
