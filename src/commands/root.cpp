#include "commands/root.h"

#include <algorithm>

#include "commands/agent/check.h"
#include "commands/agent/run.h"
#include "commands/completion/completion.h"
#include "commands/config/import_lk.h"
#include "commands/config/set.h"
#include "commands/config/show.h"
#include "commands/dispatch/create.h"
#include "commands/dispatch/delete.h"
#include "commands/dispatch/list.h"
#include "commands/e2e_call/e2e_call.h"
#include "commands/globals.h"
#include "commands/help/docs.h"
#include "commands/help/help.h"
#include "commands/profile/edit.h"
#include "commands/profile/list.h"
#include "commands/reference/manual.h"
#include "commands/room/create.h"
#include "commands/room/delete.h"
#include "commands/room/get.h"
#include "commands/room/list.h"
#include "commands/token/create.h"
#include "commands/token/verify.h"
#include "commands/transcript/export.h"
#include "commands/transcript/list.h"
#include "commands/transcript/show.h"
#include "commands/usage.h"
#include "commands/version/version.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kFooter = R"(Examples:
  voicectl e2e-call --local                     prove a whole call on this machine
  voicectl room list                            rooms of the server in LIVEKIT_URL
  voicectl token create --role caller --room demo --identity ann
  voicectl agent run examples/receptionist.yaml

Server and keys come from LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or a profile (voicectl help profiles).
`voicectl COMMAND --help` shows a command's own flags with examples, `voicectl help` the topics.

Exit codes: 0 done, 1 other failure, 2 wrong input, 3 a check says no, 4 key refused, 5 not found,
6 conflict or wrong state, 7 unreachable or no capacity, 8 timed out, 9 part done, 130 SIGINT, 143 SIGTERM)";

void add_commands(CLI::App& app, Env& env) {
    auto& agent = *app.add_subcommand("agent", "Be an agent, or check one's configuration");
    add_agent_run(agent, env, run_agent_run);
    add_agent_check(agent, env, run_agent_check);
    auto& dispatch = *app.add_subcommand("dispatch", "Send agents to rooms");
    add_dispatch_create(dispatch, env, run_dispatch_create);
    add_dispatch_list(dispatch, env, run_dispatch_list);
    add_dispatch_get(dispatch, env, run_dispatch_get);
    add_dispatch_delete(dispatch, env, run_dispatch_delete);
    add_e2e_call(app, env, run_e2e_call);
    auto& room = *app.add_subcommand("room", "Create, list, show and delete rooms");
    add_room_create(room, env, run_room_create);
    add_room_list(room, env, run_room_list);
    add_room_get(room, env, run_room_get);
    add_room_delete(room, env, run_room_delete);
    auto& token = *app.add_subcommand("token", "Make and check access tokens");
    add_token_create(token, env, run_token_create);
    add_token_verify(token, env, run_token_verify);
    auto& transcript = *app.add_subcommand("transcript", "Read and export what was said in calls");
    add_transcript_list(transcript, env, run_transcript_list);
    add_transcript_show(transcript, env, run_transcript_show);
    add_transcript_export(transcript, env, run_transcript_export);
    add_version(app, env, run_version);
    auto& config = *app.add_subcommand("config", "Show and change where servers and keys come from");
    add_config_show(config, env, run_config_show);
    add_config_set(config, env, run_config_set);
    add_config_check(config, env, run_config_check);
    add_config_import_lk(config, env, run_config_import_lk);
    auto& profile = *app.add_subcommand("profile", "Servers and keys by name");
    add_profile_list(profile, env, run_profile_list);
    add_profile_use(profile, env, run_profile_use);
    add_profile_add(profile, env, run_profile_add);
    add_profile_remove(profile, env, run_profile_remove);
    add_completion(app, env, run_completion);
    add_help(app, env, run_help);
    add_docs(app, env, run_docs);
}

// Sub-commands take the global flags too, wherever they stand on the line.
void finish(CLI::App& app) {
    app.fallthrough();
    for (auto* command : app.get_subcommands({})) {
        if (!command->get_subcommands({}).empty()) command->require_subcommand(1);
        finish(*command);
    }
}

}  // namespace

std::unique_ptr<CLI::App> make_app(Env& env) {
    auto app = std::make_unique<CLI::App>("Create, drive, record, debug and prove calls of LiveKit voice systems.", "voicectl");
    app->footer(kFooter);
    app->set_help_flag("-h,--help", "Show this text");
    app->set_version_flag("--version", [] { return version_text(); }, "Versions of voicectl and of every library it uses");
    app->require_subcommand(1);
    add_global_flags(*app, env);
    add_commands(*app, env);
    finish(*app);
    use_help_layout(*app);
    return app;
}

int run_main(const std::vector<std::string>& arguments, Env& env) {
    if (!arguments.empty() && arguments.front() == kCompleteCommand) return complete({arguments.begin() + 1, arguments.end()}, env);
    const auto app = make_app(env);
    try {
        auto reversed = arguments;
        std::reverse(reversed.begin(), reversed.end());
        app->parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        (void)env.out.emit_raw(app->help());  // of the sub-command that was named
        return 0;
    } catch (const CLI::CallForVersion& version) {
        (void)env.out.emit_raw(std::string(version.what()) + "\n");
        return 0;
    } catch (const CLI::ParseError& error) {
        return usage_error(*app, error, arguments, env);
    }
    const auto level = env.global.verbose >= 2 ? log::Level::Debug : env.global.verbose == 1 ? log::Level::Info : log::Level::Warn;
    log::configure(level, log::Format::Pretty);
    if (env.global.show_secrets) show_secrets();

    const auto result = env.selected();
    if (result) return 0;
    env.out.error(result.error(), env.last_call());
    return exit_code(result.error().code);
}

}  // namespace voicectl::commands
