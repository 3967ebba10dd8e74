// What the routes do. Those named …Work block and run on the store's thread; they see what they are given and nothing of the
// server.
#pragma once

#include <expected>

#include "route.h"
#include "voicectl/serve/backend.h"

namespace voicectl::serve {

/// Why not, with the status that says so.
struct Fault {
    Fault(Error what);  // NOLINT: by the cause
    Fault(int http_status, Error what) : status(http_status), error(std::move(what)) {}
    int status;
    Error error;
};
using Outcome = std::expected<Answer, Fault>;

/// The body of an answer that is none.
nlohmann::ordered_json fault_json(const Fault& fault, const std::string& request_id);

/// Of calls and sessions a user sees his own; those of others are not there.
bool sees_all(const Caller& caller);
std::expected<store::Call, Fault> call_of(store::Store& store, const Question& question);
std::expected<store::Session, Fault> session_of(store::Store& store, const Question& question);
/// The call of that session. 425 while it has none.
std::expected<store::Call, Fault> call_of_session(store::Store& store, const Question& question);

/// Dispatch metadata of a call that is known to be a user's and nothing else.
std::string owners_metadata(const std::string& user);

Outcome list_calls(store::Store& store, const Question& question);
Outcome show_call(store::Store& store, const Question& question);
Outcome show_transcript(store::Store& store, const Question& question);
Outcome show_session_transcript(store::Store& store, const Question& question);

Outcome create_session(store::Store& store, const Question& question);
Outcome list_sessions(store::Store& store, const Question& question);
Outcome show_session(store::Store& store, const Question& question);
Outcome finalize_session(store::Store& store, const Question& question);
Outcome save_transcript(store::Store& store, const Question& question);
Outcome assign(store::Store& store, const Question& question);

/// Files alone; `folder` as the options say.
Outcome show_scenario(const std::string& folder, const Question& question);
Outcome play_recording(store::Store& store, const Question& question, const std::string& folder);

/// What is to be asked of the model, or the answer that is there already.
struct Assessing {
    store::Call call;
    std::string kind;  // summary, evaluation
    std::vector<std::string> criteria;
    bool again = false;
    speech::Chat chat;
    std::optional<Answer> known;
};
std::expected<Assessing, Fault> begin_assessment(store::Store& store, const Question& question, const std::string& kind, bool of_session);
/// Asks, again while the answer is none (an evaluation five times in all: requirement F8). Blocks.
std::expected<store::Assessment, Fault> assess(const Assessing& what, const std::function<Result<Said>(const speech::Chat&)>& ask);
Outcome save_assessment(store::Store& store, const Assessing& what, const store::Assessment& made);

}  // namespace voicectl::serve
