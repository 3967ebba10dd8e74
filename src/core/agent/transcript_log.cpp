#include "transcript_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "voicectl/agent/call_report.h"
#include "voicectl/agent/metadata.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

std::function<void(Result<void>)> log_failure(const log::Context& log) {
    return [log](const Result<void>& result) {
        if (!result) log.error("transcript not stored", {{"error", result.error().message}});
    };
}

/// The session of a call whose dispatch says for whom it is. A job has one, however often its call is begun.
std::optional<store::Session> session_of(const store::Call& call) {
    const auto metadata = read_metadata(call.dispatch_metadata).value;
    if (metadata.user_id.empty() || call.job_id.empty()) return std::nullopt;
    store::Session session;
    session.id = "VS_" + call.job_id;
    session.call_id = call.id;
    session.user_id = metadata.user_id;
    session.assignment_id = metadata.assignment_id;
    session.status = "active";
    session.started_at = call.started_at;
    return session;
}

/// The job's id comes from the server; nothing of it leads out of the folder.
std::string file_name(const std::string& job_id) {
    constexpr std::size_t kLongestFileName = 100;
    auto out = job_id.substr(0, kLongestFileName);
    std::replace_if(out.begin(), out.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '_'; }, '_');
    return (out.empty() ? "call" : out) + ".json";
}

Result<void> write_report(store::Store& open, const store::Call& call, const std::string& folder) {
    VC_TRY_ASSIGN(const auto report, read_call_report(open, call));
    mkdir(folder.c_str(), 0700);  // when it is not there; what else is wrong with it, writing tells
    return write_file_atomically(folder + "/" + file_name(call.job_id), json_text(report, 2) + "\n", 0600);
}

}  // namespace

TranscriptLog::TranscriptLog(store::AsyncStore& store, store::Call call, log::Context log)
    : store_(store), call_(std::move(call)), log_(std::move(log)) {
    begin();
}

void TranscriptLog::begin() {
    store_.run<void>(
        [shared = shared_, call = call_](store::Store& open) -> Result<void> {
            VC_TRY_ASSIGN(shared->call, open.begin_call(call));
            const auto session = session_of(*shared->call);
            return session ? open.save_session(*session) : Result<void>();
        },
        log_failure(log_));
}

void TranscriptLog::set_caller(const std::string& identity) {
    if (call_.job_id.empty() || std::exchange(call_.caller_identity, identity) == identity) return;  // without a job it would be another call
    begin();  // the same call: the store fills in what it lacks
}

void TranscriptLog::recall(std::function<void(Recalled)> done) {
    store_.run<Recalled>(
        [shared = shared_](store::Store& open) -> Result<Recalled> {
            Recalled out;
            if (!shared->call) return out;
            out.started_at = shared->call->started_at;
            VC_TRY_ASSIGN(out.report, open.report(shared->call->id));
            VC_TRY(open.turns(shared->call->id, [&out](const store::Turn& turn) {
                out.turns.push_back(turn);
                return true;
            }));
            return out;
        },
        lifeline_.guard([this, done = std::move(done)](Result<Recalled> recalled) {
            if (!recalled) log_.error("transcript not read", {{"error", recalled.error().message}});
            if (recalled && !recalled->turns.empty()) next_ = recalled->turns.back().sequence + 1;
            done(recalled ? std::move(*recalled) : Recalled());
        }));
}

void TranscriptLog::add(store::Turn turn) {
    turn.sequence = next_++;
    store_.run<void>(
        [shared = shared_, turn = std::move(turn)](store::Store& open) -> Result<void> {
            if (!shared->call) return fail(Errc::Io, "turn {} has no call to belong to", turn.sequence);
            return open.save_turn(shared->call->id, turn);
        },
        log_failure(log_));
}

void TranscriptLog::end(const std::string& status, const std::string& reason) {
    store_.run<void>(
        [shared = shared_, status, reason, at = std::chrono::system_clock::now()](store::Store& open) -> Result<void> {
            if (!shared->call) return {};
            shared->call->status = status;
            shared->call->reason = reason;
            shared->call->ended_at = at;
            VC_TRY(open.end_call(shared->call->id, status, reason, at));
            auto session = session_of(*shared->call);
            if (!session) return {};
            session->status = status;
            session->completed_at = at;
            return open.save_session(*session);
        },
        log_failure(log_));
}

void TranscriptLog::save_report(const nlohmann::json& head) { report_saver({})(head); }

std::function<void(const nlohmann::json&)> TranscriptLog::report_saver(const std::string& folder) const {
    return [&store = store_, shared = shared_, log = log_, folder](const nlohmann::json& head) {
        store.run<void>(
            [shared, folder, head = json_text(head)](store::Store& open) -> Result<void> {
                if (!shared->call) return {};
                VC_TRY(open.save_report(shared->call->id, head));
                return folder.empty() ? Result<void>() : write_report(open, *shared->call, folder);
            },
            [log](const Result<void>& saved) {
                if (!saved) log.error("report not stored", {{"error", saved.error().message}});
            });
    };
}

}  // namespace voicectl::agent
