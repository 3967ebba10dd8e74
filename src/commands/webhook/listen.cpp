#include "commands/webhook/listen.h"

#include <charconv>

#include "commands/transcript/source.h"
#include "commands/webhook/listener.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kWebhookListenHelp = R"(Verifies each delivery (signature, times, hash of the exact bytes), writes it to the store, and only then answers 200.
What is not LiveKit's is answered 401; trouble of ours (disk full, database gone) 503, and LiveKit comes again within
15 s. An event that comes again is answered 200 and has no second effect. One JSON object per event on standard output, or
a line for people on a terminal and with -o table; a reader who is slow or gone holds nothing up.

LiveKit has to reach the address: nothing is tunnelled. In its configuration:
  webhook: {api_key: KEY, urls: ["http://127.0.0.1:8090/"]}

--event and --room choose what is printed, saved, forwarded, run and counted; stored is everything. --forward hands events
over from a queue in the store, signed anew with the key in use, in order for each room, tried again for a day; 410 ends a
target, redirects are never followed. A URL with a secret in it can stand in a file: --forward @FILE. --exec runs a shell
command for each event, which is on its standard input; VOICECTL_EVENT, VOICECTL_EVENT_ID, VOICECTL_ROOM and
VOICECTL_ROOM_SID are set.

The first SIGINT or SIGTERM finishes what was taken (exit 0, or 130 and 143 while --until or --count waits), the second
ends at once. --until and --count end with exit 0 when it came, 8 when --timeout was over before.

Examples:
  voicectl webhook listen --port 8090
  voicectl webhook listen --port 8090 --forward http://127.0.0.1:5678/webhook/livekit --fill-gaps
  voicectl webhook listen --port 0 --ready-file ready.json --until room_finished --timeout 5m --save events.jsonl)";

constexpr int kMostScriptedAnswers = 10'000;

std::optional<int> whole_number(std::string_view text, int least, int most) {
    int out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out < least || out > most) return {};
    return out;
}

}  // namespace

Result<std::vector<int>> parse_answers(const std::string& text) {
    std::vector<int> out;
    if (text.empty()) return out;
    for (const auto& part : split(text, ',')) {
        const auto x = part.find('x');
        const auto status = whole_number(part.substr(0, x), 200, 599);
        const auto times = x == std::string::npos ? std::optional(1) : whole_number(part.substr(x + 1), 1, kMostScriptedAnswers);
        if (!status || !times)
            return fail_with_hint(Errc::Usage, fmt::format("--respond: '{}' is no STATUS or STATUSxTIMES", terminal_safe(part)), "for example 503x2, or 503,200,500");
        out.insert(out.end(), static_cast<std::size_t>(*times), *status);
    }
    return out;
}

void add_webhook_listen(Command webhook, Env& env, Run<WebhookListenOptions> run) {
    auto o = std::make_shared<WebhookListenOptions>();
    auto cmd = webhook.add_subcommand("listen", "Take LiveKit's webhooks: verify, store, pass on").footer(kWebhookListenHelp);
    cmd.add_option("--port", o->port, "Port; 0 takes a free one and tells which").range(0, 65535).capture_default();
    cmd.add_option("--host", o->host, "Address to listen on; 0.0.0.0 for every interface").type_name("ADDRESS").capture_default();
    cmd.add_option("--path", o->path, "Path of the URL").type_name("PATH").capture_default();
    cmd.add_option("--event", o->events, "Only these events pass on, comma separated").delimiter(',').type_name("EVENT");
    cmd.add_option("--room", o->rooms, "Only events of this room pass on (repeat)").one_value().type_name("ROOM");
    cmd.add_option("--forward", o->forward, "Hand events over to this receiver (repeat)").one_value().type_name("URL|@FILE");
    cmd.add_option("--exec", o->exec, "Run this for each event").type_name("COMMAND");
    cmd.add_option("--exec-timeout", o->exec_timeout, "How long one run may take").type_name("TIME").capture_default();
    cmd.add_option("--exec-at-once", o->exec_at_once, "Runs at the same time").range(1, 64).capture_default();
    cmd.add_option("--save", o->save, "Append each delivery to this file: exact bytes and headers").type_name("FILE");
    cmd.add_option("--until", o->until, "End when this event came").type_name("EVENT");
    cmd.add_option("--count", o->count, "End after so many events").range(1, 1'000'000'000);
    cmd.add_option("--timeout", o->limit, "How long --until or --count may take [no limit]").type_name("TIME");
    cmd.add_flag("--fill-gaps", o->fill_gaps, "Ask the server for what was missed, now and each minute");
    cmd.add_flag("--note-egress", o->note_egress, "Write egress_id into the room's metadata when a recording ended");
    cmd.add_flag("--dedupe", o->dedupe, "Do not show what came before");
    cmd.add_flag("--no-verify", o->no_verify, "Take events of anybody");
    cmd.add_option("--keys", o->keys_file, "More keys and secrets, as in LiveKit's key_file").type_name("FILE");
    cmd.add_option("--respond", o->respond, "To test senders: answer the first deliveries so, as 503x2").type_name("STATUS[xN],…");
    cmd.add_option("--keep", o->keep, "How long events are kept").type_name("TIME").capture_default();
    cmd.add_option("--max-connections", o->max_connections, "Connections at once; of more, the slowest is closed").range(1, 100'000).capture_default();
    cmd.add_option("--ready-file", o->ready_file, "Write URL and port here once it listens; removed at the end").type_name("FILE");
    add_store_choice(cmd, o->store);
    o->format_given = [cmd] { return cmd.root_was_given("--output"); };
    on_run(cmd.no_dry_run(), o, env, std::move(run));
}

Result<void> run_webhook_listen(const WebhookListenOptions& options, Env& env) {
    log::configure(env.global.verbose >= 2 ? log::Level::Debug : env.global.verbose == 1 ? log::Level::Info : log::Level::Warn, log::Format::Pretty);
    return Listener(options, env).run();
}

}  // namespace voicectl::commands
