#include "commands/root.h"

#include <CLI/CLI.hpp>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "commands/agent/check.h"
#include "commands/agent/console.h"
#include "commands/agent/host.h"
#include "commands/agent/run.h"
#include "commands/agent/status.h"
#include "commands/api/api.h"
#include "commands/call/end.h"
#include "commands/call/records.h"
#include "commands/call/start.h"
#include "commands/call/status.h"
#include "commands/completion/completion.h"
#include "commands/config/import_lk.h"
#include "commands/config/set.h"
#include "commands/config/show.h"
#include "commands/dispatch/create.h"
#include "commands/dispatch/delete.h"
#include "commands/dispatch/list.h"
#include "commands/doctor/doctor.h"
#include "commands/e2e_call/e2e_call.h"
#include "commands/egress/check.h"
#include "commands/egress/check_storage.h"
#include "commands/egress/list.h"
#include "commands/egress/serve.h"
#include "commands/egress/start.h"
#include "commands/egress/stop.h"
#include "commands/egress/update.h"
#include "commands/globals.h"
#include "commands/help/docs.h"
#include "commands/help/help.h"
#include "commands/profile/edit.h"
#include "commands/profile/list.h"
#include "commands/reference/manual.h"
#include "commands/room/create.h"
#include "commands/room/delete.h"
#include "commands/room/get.h"
#include "commands/room/join.h"
#include "commands/room/list.h"
#include "commands/room/participant/list.h"
#include "commands/room/participant/mute.h"
#include "commands/room/participant/remove.h"
#include "commands/room/participant/update.h"
#include "commands/room/rpc.h"
#include "commands/room/send.h"
#include "commands/room/update.h"
#include "commands/room/wait.h"
#include "commands/room/watch.h"
#include "commands/serve/serve.h"
#include "commands/session/edit.h"
#include "commands/session/read.h"
#include "commands/store/store.h"
#include "commands/token/create.h"
#include "commands/token/decode.h"
#include "commands/token/verify.h"
#include "commands/transcript/assess.h"
#include "commands/transcript/capture.h"
#include "commands/transcript/export.h"
#include "commands/transcript/import.h"
#include "commands/transcript/list.h"
#include "commands/transcript/show.h"
#include "commands/usage.h"
#include "commands/version/version.h"
#include "commands/voice/connect.h"
#include "commands/webhook/list.h"
#include "commands/webhook/listen.h"
#include "commands/webhook/replay.h"
#include "commands/webhook/trigger.h"
#include "commands/webhook/verify.h"
#include "commands/words.h"
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

constexpr const char* kParticipantFooter = R"(Examples:
  voicectl room participant list demo
  voicectl room participant mute demo ann)";

/// What stands at the top: a command, or a group of them (then with a summary).
struct Entry {
    const char* name;
    const char* summary;  // null: a command that declares itself
    void (*declare)(CLI::App& parent, Env& env);
};

// One line for each command.
constexpr Entry kEntries[]{
    {"agent", "Be an agent, or check one's configuration",
     [](CLI::App& agent, Env& env) {
         add_agent_run(agent, env, run_agent_run);
         add_agent_check(agent, env, run_agent_check);
         add_agent_console(agent, env, run_agent_console);
         add_agent_host(agent, env, run_agent_host);
         add_agent_status(agent, env, run_agent_status);
     }},
    {"api", nullptr, [](CLI::App& root, Env& env) { add_api(root, env, run_api); }},
    {"call", "Start, show and end whole calls",
     [](CLI::App& call, Env& env) {
         add_call_start(call, env, run_call_start);
         add_call_status(call, env, run_call_status);
         add_call_end(call, env, run_call_end);
         add_call_records(call, env, run_call_records);
     }},
    {"completion", nullptr, [](CLI::App& root, Env& env) { add_completion(root, env, run_completion); }},
    {"config", "Show and change where servers and keys come from",
     [](CLI::App& config, Env& env) {
         add_config_show(config, env, run_config_show);
         add_config_set(config, env, run_config_set);
         add_config_check(config, env, run_config_check);
         add_config_import_lk(config, env, run_config_import_lk);
     }},
    {"dispatch", "Send agents to rooms",
     [](CLI::App& dispatch, Env& env) {
         add_dispatch_create(dispatch, env, run_dispatch_create);
         add_dispatch_list(dispatch, env, run_dispatch_list);
         add_dispatch_get(dispatch, env, run_dispatch_get);
         add_dispatch_delete(dispatch, env, run_dispatch_delete);
     }},
    {"docs", nullptr, [](CLI::App& root, Env& env) { add_docs(root, env, run_docs); }},
    {"doctor", nullptr, [](CLI::App& root, Env& env) { add_doctor(root, env, run_doctor); }},
    {"e2e-call", nullptr, [](CLI::App& root, Env& env) { add_e2e_call(root, env, run_e2e_call); }},
    {"egress", "Record calls, and prove that recordings are good",
     [](CLI::App& egress, Env& env) {
         add_egress_start(egress, env, run_egress_start);
         add_egress_stop(egress, env, run_egress_stop);
         add_egress_list(egress, env, run_egress_list);
         add_egress_get(egress, env, run_egress_get);
         add_egress_wait(egress, env, run_egress_wait);
         add_egress_update(egress, env, run_egress_update);
         add_egress_check(egress, env, run_egress_check);
         add_egress_check_storage(egress, env, run_egress_check_storage);
         add_egress_serve(egress, env, run_egress_serve);
     }},
    {"help", nullptr, [](CLI::App& root, Env& env) { add_help(root, env, run_help); }},
    {"profile", "Servers and keys by name",
     [](CLI::App& profile, Env& env) {
         add_profile_list(profile, env, run_profile_list);
         add_profile_use(profile, env, run_profile_use);
         add_profile_add(profile, env, run_profile_add);
         add_profile_remove(profile, env, run_profile_remove);
     }},
    {"room", "Make rooms, see and drive what happens in them",
     [](CLI::App& room, Env& env) {
         add_room_create(room, env, run_room_create);
         add_room_list(room, env, run_room_list);
         add_room_get(room, env, run_room_get);
         add_room_update(room, env, run_room_update);
         add_room_delete(room, env, run_room_delete);
         add_room_wait(room, env, run_room_wait);
         add_room_watch(room, env, run_room_watch);
         add_room_join(room, env, run_room_join);
         add_room_send(room, env, run_room_send);
         add_room_rpc(room, env, run_room_rpc);
         auto& participant = *room.add_subcommand("participant", "See, change, mute and remove those in a room")->footer(kParticipantFooter);
         add_participant_list(participant, env, run_participant_list);
         add_participant_get(participant, env, run_participant_get);
         add_participant_update(participant, env, run_participant_update);
         add_participant_mute(participant, env, run_participant_mute);
         add_participant_remove(participant, env, run_participant_remove);
         add_participant_move(participant, env, run_participant_move);
     }},
    {"serve", nullptr, [](CLI::App& root, Env& env) { add_serve(root, env, run_serve); }},
    {"session", "Users' sessions: whose, for what, what they used and cost",
     [](CLI::App& session, Env& env) {
         add_session_create(session, env, run_session_create);
         add_session_list(session, env, run_session_list);
         add_session_show(session, env, run_session_show);
         add_session_finalize(session, env, run_session_finalize);
         add_session_assign(session, env, run_session_assign);
     }},
    {"store", "Look after the store: what it holds, whether it is whole, space that it gives back",
     [](CLI::App& store, Env& env) {
         add_store_info(store, env, run_store_info);
         add_store_check(store, env, run_store_check);
         add_store_migrate(store, env, run_store_migrate);
         add_store_vacuum(store, env, run_store_vacuum);
     }},
    {"token", "Make and check access tokens",
     [](CLI::App& token, Env& env) {
         add_token_create(token, env, run_token_create);
         add_token_decode(token, env, run_token_decode);
         add_token_verify(token, env, run_token_verify);
     }},
    {"transcript", "Read, export, import and capture what is said in calls",
     [](CLI::App& transcript, Env& env) {
         add_transcript_list(transcript, env, run_transcript_list);
         add_transcript_show(transcript, env, run_transcript_show);
         add_transcript_export(transcript, env, run_transcript_export);
         add_transcript_summarize(transcript, env, run_transcript_summarize);
         add_transcript_evaluate(transcript, env, run_transcript_evaluate);
         add_transcript_import(transcript, env, run_transcript_import);
         add_transcript_capture(transcript, env, run_transcript_capture);
     }},
    {"version", nullptr, [](CLI::App& root, Env& env) { add_version(root, env, run_version); }},
    {"voice", "Call agents over a WebSocket", [](CLI::App& voice, Env& env) { add_voice_connect(voice, env, run_voice_connect); }},
    {"webhook", "Take, check, send and replay LiveKit's webhooks",
     [](CLI::App& webhook, Env& env) {
         add_webhook_listen(webhook, env, run_webhook_listen);
         add_webhook_list(webhook, env, run_webhook_list);
         add_webhook_show(webhook, env, run_webhook_show);
         add_webhook_replay(webhook, env, run_webhook_replay);
         add_webhook_trigger(webhook, env, run_webhook_trigger);
         add_webhook_verify(webhook, env, run_webhook_verify);
     }},
};

void add_commands(CLI::App& app, Env& env, std::string_view only) {
    for (const auto& entry : kEntries) {
        if (!only.empty() && only != entry.name) continue;
        entry.declare(entry.summary == nullptr ? app : *app.add_subcommand(entry.name, entry.summary)->footer(""), env);
    }
}

/// The entry that the line names, as it seems without parsing it; empty when none.
std::string_view seems_to_name(const std::vector<std::string>& arguments) {
    for (const auto& word : arguments)
        for (const auto& entry : kEntries)
            if (word == entry.name) return entry.name;
    return {};
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

std::unique_ptr<CLI::App> make_app(Env& env, std::string_view only) {
    auto app = std::make_unique<CLI::App>("Create, drive, record, debug and prove calls of LiveKit voice systems.", "voicectl");
    app->footer(kFooter);
    app->set_help_flag("-h,--help", "Show this text");
    app->set_version_flag("--version", [] { return version_text(); }, "Versions of voicectl and of every library it uses");
    app->require_subcommand(1);
    add_global_flags(*app, env);
    add_commands(*app, env, only);
    finish(*app);
    use_help_layout(*app);
    return app;
}

namespace {

struct Line {
    std::unique_ptr<CLI::App> app;  // whose options the command goes on using
    std::optional<int> code;        // the line is done with: help, version, or an error that was told
};

/// 0, or the code of what kept the text from being written.
int told(const Result<void>& written, Env& env) {
    if (written) return 0;
    env.out.error(written.error(), nullptr);
    return exit_code(written.error().code);
}

/// What CLI11 would take, and nobody can have meant.
std::optional<Error> misleading(const CLI::App& app, const std::vector<std::string>& arguments) {
    if (auto wrong = empty_behind_equals(app, arguments)) return wrong;
    return value_without_equals(app, arguments);
}

void parse(CLI::App& app, const std::vector<std::string>& arguments) {
    auto words = with_empty_values(app, arguments);
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
}

Line parse_line(const std::vector<std::string>& arguments, Env& env) {
    // Declaring the whole tree takes longer than most commands need to run: first only what the line seems to
    // name, and all of it when that does not parse.
    auto only = seems_to_name(arguments);
    while (true) {
        Line line{make_app(env, only), std::nullopt};
        try {
            parse(*line.app, arguments);
            if (const auto wrong = misleading(*line.app, arguments)) line.code = usage_error(*wrong, arguments, env);
        } catch (const CLI::CallForHelp&) {
            line.code = told(env.out.emit_raw(line.app->help()), env);  // of the sub-command that was named
        } catch (const CLI::CallForVersion& version) {
            line.code = told(env.out.emit_raw(std::string(version.what()) + "\n"), env);
        } catch (const CLI::ParseError& error) {
            if (!std::exchange(only, {}).empty()) continue;
            line.code = usage_error(*line.app, error, arguments, env);
        }
        return line;
    }
}

/// Its own lines on stderr would stand among our errors, and show what others sent.
void log_of_protobuf(google::protobuf::LogLevel /*level*/, const char* /*file*/, int /*line*/, const std::string& message) {
    log::debug("protobuf", "said", {{"text", message}});
}

/// Before anything of the line can be told back.
void register_given_secrets(const std::vector<std::string>& arguments, const Env& env) {
    register_api_secret(env.get("LIVEKIT_API_SECRET").value_or(""));
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        constexpr std::string_view kFlag = "--api-secret";
        const auto& word = arguments[i];
        if (word == kFlag && i + 1 < arguments.size()) register_api_secret(arguments[i + 1]);
        if (word.starts_with("--api-secret=")) register_api_secret(std::string_view(word).substr(kFlag.size() + 1));
    }
}

int end(const Result<void>& result, const CLI::App& app, const std::vector<std::string>& arguments, Env& env) {
    const auto& left = env.out.left_to_tell();
    if (!result && left) env.out.warn(left->message);
    if (result && !left) return 0;
    const auto error = with_flag(env.with_origins(result ? *left : result.error()), app, arguments);
    env.out.error(error, env.last_call());
    return exit_code(error.code);
}

}  // namespace

int run_main(const std::vector<std::string>& arguments, Env& env) {
    google::protobuf::SetLogHandler(log_of_protobuf);
    if (!arguments.empty() && arguments.front() == kCompleteCommand) return complete({arguments.begin() + 1, arguments.end()}, env);
    register_given_secrets(arguments, env);
    if (const auto wrong = not_utf8(arguments)) return usage_error(*wrong, arguments, env);
    const auto line = parse_line(arguments, env);
    if (line.code) return *line.code;
    const auto level = env.global.verbose >= 2 ? log::Level::Debug : log::Level::Warn;
    log::configure(level, log::Format::Pretty);
    if (env.global.show_secrets) show_secrets();
    std::erase(env.out.fields, "");  // --fields '' is all of them
    return end(env.selected(), *line.app, arguments, env);
}

}  // namespace voicectl::commands
