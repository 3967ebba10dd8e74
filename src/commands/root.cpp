#include "commands/root.h"

#include <algorithm>
#include <map>
#include <utility>

#include "commands/agent/check.h"
#include "commands/agent/run.h"
#include "commands/dispatch/create.h"
#include "commands/dispatch/delete.h"
#include "commands/dispatch/list.h"
#include "commands/e2e_call/e2e_call.h"
#include "commands/room/create.h"
#include "commands/room/delete.h"
#include "commands/room/get.h"
#include "commands/room/list.h"
#include "commands/token/create.h"
#include "commands/token/verify.h"
#include "commands/transcript/export.h"
#include "commands/transcript/list.h"
#include "commands/transcript/show.h"
#include "commands/version/version.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kFooter = R"(Examples:
  voicectl e2e-call --local                     prove a whole call on this machine
  voicectl room list                            rooms of the server in LIVEKIT_URL
  voicectl token create --role caller --room demo --identity ann
  voicectl agent run examples/receptionist.yaml

Server and keys come from LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
`voicectl COMMAND --help` shows a command's own flags with an example.)";

const std::map<std::string, Format> kFormats{{"table", Format::Table}, {"wide", Format::Wide}, {"json", Format::Json},
                                             {"jsonl", Format::Jsonl}, {"tsv", Format::Tsv},   {"name", Format::Name}};

void add_global_flags(CLI::App& app, Env& env) {
    auto& g = env.global;
    app.add_option("--url", g.url, "Server, ws(s):// or http(s):// [LIVEKIT_URL]")->group("Server");
    app.add_option("--api-key", g.api_key, "API key [LIVEKIT_API_KEY]")->group("Server");
    app.add_option("--api-secret-file", g.api_secret_file, "File with the API secret [LIVEKIT_API_SECRET]")->group("Server");
    app.add_option("--api-secret", g.api_secret, "API secret; seen by every user of this machine, so prefer the file")
        ->group("Server");
    app.add_option("--timeout", g.timeout, "How long one server call may take")->group("Server")->capture_default_str();
    app.add_option("-o,--output", env.out.format, "table, wide, json, jsonl, tsv or name")
        ->transform(CLI::CheckedTransformer(kFormats, CLI::ignore_case).description(""))
        ->type_name("FORMAT")
        ->group("Output");
    app.add_flag_callback("--json", [&env] { env.out.format = Format::Json; }, "Same as -o json")
        ->group("Output")
        ->trigger_on_parse();
    app.add_option("--fields", env.out.fields, "Only these fields, comma separated")->delimiter(',')->group("Output");
    app.add_option("--get", env.out.get, "Print only what stands at this path, e.g. /rooms/*/name")->group("Output");
    app.add_option("--color", env.out.color, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->capture_default_str()
        ->group("Output");
    app.add_flag("-q,--quiet", env.out.quiet, "No notes on stderr")->group("Output");
    app.add_flag("-v,--verbose", g.verbose, "Say more on stderr; twice for details")->group("Output");
}

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
}

// Sub-commands take the global flags too, wherever they stand on the line.
void finish(CLI::App& app) {
    app.fallthrough();
    for (auto* command : app.get_subcommands({})) {
        if (!command->get_subcommands({}).empty()) command->require_subcommand(1);
        finish(*command);
    }
}

bool wants_json(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& one = arguments[i];
        if (one == "--json" || one == "-ojson" || one == "--output=json") return true;
        if ((one == "-o" || one == "--output") && i + 1 < arguments.size() && arguments[i + 1] == "json") return true;
    }
    return false;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j)
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
    }
    return row[b.size()];
}

/// "unknown command 'rooms'; did you mean 'room'?", or nothing when every word named a command.
std::string unknown_command(const CLI::App& app, const std::vector<std::string>& arguments) {
    const auto* current = &app;
    for (const auto& word : arguments) {
        if (word.starts_with('-')) continue;
        const auto commands = current->get_subcommands([](const CLI::App*) { return true; });
        if (commands.empty()) return {};
        const auto named = std::find_if(commands.begin(), commands.end(), [&](const CLI::App* one) { return one->check_name(word); });
        if (named != commands.end()) {
            current = *named;
            continue;
        }
        const auto nearest = std::min_element(commands.begin(), commands.end(), [&](const CLI::App* a, const CLI::App* b) {
            return edit_distance(a->get_name(), word) < edit_distance(b->get_name(), word);
        });
        auto text = fmt::format("unknown command '{}'", word);
        if (edit_distance((*nearest)->get_name(), word) <= 2) text += fmt::format("; did you mean '{}'?", (*nearest)->get_name());
        return text;
    }
    return {};
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments, Env& env) {
    if (wants_json(arguments)) env.out.format = Format::Json;
    std::string message = error.what();
    if (message.starts_with("A subcommand is required")) {
        const auto unknown = unknown_command(app, arguments);
        message = unknown.empty() ? "which command?" : unknown;
    }
    env.out.error({Errc::Usage, message, "voicectl --help lists the commands; add --help to one for its flags"}, nullptr);
    return exit_code(Errc::Usage);
}

}  // namespace

std::string exit_code_help() {
    return R"(Exit codes:
  0 done            3 check says no     6 conflict or wrong state   9 part done
  1 other failure   4 key refused       7 unreachable, no capacity  130 SIGINT
  2 wrong input     5 not found         8 timed out                 143 SIGTERM)";
}

std::unique_ptr<CLI::App> make_app(Env& env) {
    auto app = std::make_unique<CLI::App>("Create, drive, record, debug and prove calls of LiveKit voice systems.", "voicectl");
    app->footer(std::string(kFooter) + "\n\n" + exit_code_help());
    app->set_help_flag("-h,--help", "Show this text");
    app->set_version_flag("--version", [] { return version_text(); }, "Versions of voicectl and of every library it uses");
    app->require_subcommand(1);
    add_global_flags(*app, env);
    add_commands(*app, env);
    finish(*app);
    return app;
}

int run_main(const std::vector<std::string>& arguments, Env& env) {
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

    const auto result = env.selected();
    if (result) return 0;
    env.out.error(result.error(), env.last_call());
    return exit_code(result.error().code);
}

}  // namespace voicectl::commands
