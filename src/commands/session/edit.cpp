#include "commands/session/edit.h"

#include "commands/session/view.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/store/json.h"

namespace voicectl::commands {
namespace {

constexpr const char* kSessionCreateHelp = R"(With --assignment only the user whom that was given to gets a session (`voicectl session assign`). The same command
twice gives one session; exit 6 when the id is somebody else's, or the assignment is.

Examples:
  voicectl session create --user ann
  voicectl session create --id lesson-7-ann --user ann --assignment lesson-7 --call demo)";

constexpr const char* kSessionFinalizeHelp = R"(Marks it completed, now. What is completed keeps its first time, so asking again does no harm.

Examples:
  voicectl session finalize lesson-7-ann)";

constexpr const char* kSessionAssignHelp = R"(From then on only that user may open sessions for the assignment. Sessions that are there stay whose they are.

Examples:
  voicectl session assign lesson-7 --user ann)";

Result<std::unique_ptr<store::Store>> store_to_change(const std::string& flag, Env& env) {
    return store::Store::open(store_place(flag, env).path);
}

Result<void> show_changed(const store::Session& session, Env& env) {
    env.out.changed();
    return env.out.emit(store::to_json(session), session_heading(session), session.id);
}

Error with_session_hint(Error error) {
    if (error.code == Errc::NotFound && error.hint.empty())
        error.hint = error.message.starts_with("no assignment") ? "voicectl session assign ID --user USER" : "voicectl session list";
    return error;
}

}  // namespace

void add_session_create(Command session, Env& env, Run<SessionCreateOptions> run) {
    auto options = std::make_shared<SessionCreateOptions>();
    auto command = session.add_subcommand("create", "Open a session for a user");
    command.footer(kSessionCreateHelp).no_dry_run();
    command.add_option("--user", options->user, "Whose it is").required().type_name("USER");
    command.add_option("--id", options->id, "Its id; a new one when absent").type_name("ID");
    command.add_option("--assignment", options->assignment, "What it is for").type_name("ID");
    command.add_option("--call", options->call, "The call it belongs to").type_name("ID|ROOM");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_session_create(const SessionCreateOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto store, store_to_change(options.store, env));
    store::Session wanted;
    wanted.id = options.id.empty() ? "VS_" + random_id(12) : options.id;
    wanted.user_id = options.user;
    wanted.assignment_id = options.assignment;
    wanted.started_at = std::chrono::system_clock::now();
    if (!options.call.empty()) {
        VC_TRY_ASSIGN(const auto call, find_call(*store, options.call));
        wanted.call_id = call.id;
    }
    auto made = store->create_session(wanted);
    if (!made) return std::unexpected(with_session_hint(std::move(made).error()));
    return show_changed(*made, env);
}

void add_session_finalize(Command session, Env& env, Run<SessionFinalizeOptions> run) {
    auto options = std::make_shared<SessionFinalizeOptions>();
    auto command = session.add_subcommand("finalize", "Mark a session completed");
    command.footer(kSessionFinalizeHelp).no_dry_run();
    command.add_option("session", options->id, "Id of the session").required().type_name("ID");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_session_finalize(const SessionFinalizeOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto store, store_to_change(options.store, env));
    auto session = store->finalize_session(options.id, std::chrono::system_clock::now());
    if (!session) return std::unexpected(with_session_hint(std::move(session).error()));
    return show_changed(*session, env);
}

void add_session_assign(Command session, Env& env, Run<SessionAssignOptions> run) {
    auto options = std::make_shared<SessionAssignOptions>();
    auto command = session.add_subcommand("assign", "Say which user an assignment is for");
    command.footer(kSessionAssignHelp).no_dry_run();
    command.add_option("assignment", options->assignment, "Id of the assignment").required().type_name("ID");
    command.add_option("--user", options->user, "The user").required().type_name("USER");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_session_assign(const SessionAssignOptions& options, Env& env) {
    VC_TRY_ASSIGN(auto store, store_to_change(options.store, env));
    VC_TRY(store->save_assignment({options.assignment, options.user}));
    env.out.changed();
    return env.out.emit({{"id", options.assignment}, {"userId", options.user}},
                        fmt::format("assignment {} is {}'s", terminal_safe(options.assignment), terminal_safe(options.user)), options.assignment);
}

}  // namespace voicectl::commands
