#include "commands/serve/serve.h"

#include "commands/serve/server.h"
#include "commands/transcript/source.h"
#include "voicectl/base/log.h"

namespace voicectl::commands {
namespace {

constexpr const char* kServeHelp = R"(One process with the HTTP API (calls, sessions, transcripts, summaries; GET /openapi.json has it all), LiveKit's webhooks at
/v1/webhooks/livekit, /health, /health/db and /metrics, and a page for people at /; with --agent calls over a WebSocket at
/v1/voice, for browsers and `voicectl voice connect`. docs/serve.md and docs/voice.md describe it.

Who may ask: services by the header X-Internal-Service-Key (INTERNAL_SERVICE_KEY, and INTERNAL_SERVICE_KEY_PREVIOUS while keys
rotate), users by a token, HS256 with VOICECTL_JWT_SECRET or by the keys at --jwks-url, people at the page by
VOICECTL_PAGE_KEY. Files may hold each instead. At least one of the first two is needed.

Browsers of other origins may call from CORS_ALLOWED_ORIGINS (comma separated). ENV=development lets in every port of this
machine too; without ENV that is so while --host is this machine. In production it does not start without origins.

The first SIGINT or SIGTERM lets what was begun finish, for at most --drain; the second ends at once. No TLS: put a proxy before
it and say --behind-proxy.

Examples:
  INTERNAL_SERVICE_KEY=$(openssl rand -hex 32) voicectl serve
  voicectl serve --port 8080 --agent receptionist.yaml --call-agent receptionist --store postgres://voice@db/voice
  voicectl serve --port 0 --ready-file ready.json --log-format json)";

}  // namespace

void add_serve(Command root, Env& env, Run<ServeOptions> run) {
    auto o = std::make_shared<ServeOptions>();
    auto cmd = root.add_subcommand("serve", "Be the backend: HTTP API, webhooks, a page for people").footer(kServeHelp);
    cmd.add_option("--port", o->port, "Port; 0 takes a free one and tells which").range(0, 65535).capture_default();
    cmd.add_option("--host", o->host, "Address to listen on; 0.0.0.0 for every interface").type_name("ADDRESS").capture_default();
    add_store_choice(cmd, o->store);
    cmd.add_option("--agent", o->agent, "An agent's file: it talks at /v1/voice, its llm summarises").type_name("FILE");
    cmd.add_flag("--no-voice", o->no_voice, "No calls at /v1/voice");
    cmd.add_option("--call-agent", o->call_agents, "Agent that users may call; the first is the default (repeat)").one_value().group("Calls").type_name("AGENT");
    cmd.add_option("--record", o->record, "Record every call: auto, file:PATH or s3:PATH").group("Calls").type_name("PLACE");
    cmd.add_option("--recordings", o->recordings, "Folder of recordings that the API and the page play").group("Calls").type_name("FOLDER");
    cmd.add_option("--scenarios", o->scenarios, "Folder of prompts for agents: ID.md, ID.txt or ID.json").group("Calls").type_name("FOLDER");
    cmd.add_option("--forward", o->forward, "Hand LiveKit's events over to this receiver (repeat)").one_value().group("Webhooks").type_name("URL|@FILE");
    cmd.add_option("--keys", o->keys_file, "More keys and secrets of webhooks, as in LiveKit's key_file").group("Webhooks").type_name("FILE");
    cmd.add_option("--service-key-file", o->service_key_file, "One key, or two while they rotate, a line each").group("Who may ask").type_name("FILE");
    cmd.add_option("--jwt-secret-file", o->jwt_secret_file, "Secret of users' tokens").group("Who may ask").type_name("FILE");
    cmd.add_option("--jwks-url", o->jwks_url, "Published keys of users' tokens").group("Who may ask").type_name("URL");
    cmd.add_option("--jwt-issuer", o->jwt_issuer, "Who must have issued them [anybody]").group("Who may ask").type_name("TEXT");
    cmd.add_option("--jwt-audience", o->jwt_audience, "Whom they must be for; '' when they name nobody").may_be_empty().capture_default().group("Who may ask").type_name("TEXT");
    cmd.add_option("--page-key-file", o->page_key_file, "What people sign in with").group("Who may ask").type_name("FILE");
    cmd.add_flag("--no-page", o->no_page, "No page at /").group("Who may ask");
    cmd.add_flag("--open-metrics", o->open_metrics, "/metrics without a key").group("Who may ask");
    cmd.add_option("--rate", o->rate, "Requests a minute for each user, and for each address without one").range(1, 1'000'000).capture_default().group("Limits");
    cmd.add_option("--max-connections", o->max_connections, "Connections at once; of more, the slowest is closed").range(1, 100'000).capture_default().group("Limits");
    cmd.add_flag("--behind-proxy", o->behind_proxy, "A proxy of yours stands before it: it writes X-Forwarded-For and -Proto").group("Limits");
    cmd.add_option("--drain", o->drain, "How long what was begun may take at the end").capture_default().group("Limits").type_name("TIME");
    cmd.add_option("--ready-file", o->ready_file, "Write URL and port here once it listens; removed at the end").type_name("FILE");
    cmd.add_option("--log-format", o->log_format, "pretty or json").one_of({"pretty", "json"}).capture_default();
    on_run(cmd.no_dry_run(), std::move(o), env, std::move(run));
}

Result<void> run_serve(const ServeOptions& options, Env& env) {
    const auto level = env.out.quiet ? log::Level::Warn : env.global.verbose >= 1 ? log::Level::Debug : log::Level::Info;
    log::configure(level, options.log_format == "json" ? log::Format::Json : log::Format::Pretty);
    return Server(options, env).run();
}

}  // namespace voicectl::commands
