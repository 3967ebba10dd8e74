#include "commands/webhook/trigger.h"

#include "commands/room/outcome.h"
#include "commands/shell.h"
#include "commands/webhook/capture.h"
#include "commands/webhook/target.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook_samples.h"

namespace voicectl::commands {
namespace {

constexpr const char* kWebhookTriggerHelp = R"(Makes one event as LiveKit writes it, signs it with your key, and sends it to --to; without --to it is printed
as a command to run. Events of the same --room and --participant have the same ids, so a whole call can be played; the event's own id
is new each time. --set changes any field of the event; `-o json` shows what there is.

-o jsonl prints a line that `webhook replay` takes. Exit 3 when the receiver answers anything but 2xx, 7 when it is not reached.

Examples:
  voicectl webhook trigger room_started --to http://127.0.0.1:8080/hook
  voicectl webhook trigger egress_ended --room demo --set egressInfo.status=EGRESS_FAILED --set egressInfo.error='no space'
  voicectl webhook trigger participant_joined --participant bob --get /body
  voicectl webhook trigger --list)";

Result<void> list_events(Env& env) {
    Json items = Json::array();
    for (const auto& name : livekit::webhook_events()) items.push_back({{"event", name}});
    return env.out.emit_list("events", items, {column("EVENT", "event")}, "event");
}

struct Triggered {
    std::string event, id, body, authorization;
    livekit::SystemTime at;
};

Json triggered_json(const Triggered& one, const std::string& room) {
    return {{"receivedAt", format_time(one.at)}, {"id", one.id}, {"event", one.event}, {"room", room},
            {"headers", {{"Authorization", one.authorization}, {"Content-Type", livekit::kWebhookContentType}}}, {"body", one.body}};
}

std::string as_command(const Triggered& one) {
    return fmt::format("curl -sS -H {} -H {} --data-binary {} URL", shell_quoted("Authorization: " + one.authorization),
                       shell_quoted(std::string("Content-Type: ") + livekit::kWebhookContentType), shell_quoted(one.body));
}

Result<Triggered> make(const WebhookTriggerOptions& o, Env& env) {
    livekit::SampleOptions sample;
    sample.room = o.room;
    sample.participant = o.participant;
    for (const auto& text : o.set) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) return fail_with_hint(Errc::Usage, fmt::format("--set: '{}' is not PATH=VALUE", terminal_safe(text)), "write it like --set room.metadata=x");
        sample.set.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    VC_TRY_ASSIGN(auto body, livekit::sample_event(o.event, sample));
    VC_TRY_ASSIGN(const auto key, env.api_key());
    VC_TRY_ASSIGN(const auto names, parse_capture(body, 1));
    return Triggered{names.event, names.id, body, livekit::sign_delivery(key, body, sample.now), sample.now};
}

Result<void> send(const Triggered& one, const WebhookTriggerOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto limit, env.timeout());
    const auto target = shown_target(o.to);
    if (env.global.dry_run) return show_dry_run(env, {{"to", target}, {"event", one.event}, {"id", one.id}, {"body", one.body}}, fmt::format("would send {} to {}", one.event, target), one.id);
    env.out.changed();
    auto answer = env.http().send(delivery_request(o.to, one.authorization, {}, one.body, limit));
    if (!answer) return std::unexpected(std::move(answer).error().while_doing(fmt::format("sending {}", one.event)));
    const bool delivered = answer_of(answer->status) == Answer::Delivered;
    Json report{{"event", one.event}, {"id", one.id}, {"to", target}, {"status", answer->status}, {"ms", answer->elapsed.count()}, {"delivered", delivered}};
    if (o.print) {
        report["headers"] = {{"Authorization", one.authorization}, {"Content-Type", livekit::kWebhookContentType}};
        report["body"] = one.body;
    }
    VC_TRY(env.out.emit(report, fmt::format("{} {} {} {} ms{}", one.event, one.id, answer->status, answer->elapsed.count(), o.print ? "\n" + one.body : ""), one.id));
    if (!delivered) return fail_with_hint(Errc::CheckFailed, fmt::format("{} did not take {}: {}", target, one.event, answer_words(answer->status)), plain_text(answer->body, 200));
    return {};
}

}  // namespace

void add_webhook_trigger(Command webhook, Env& env, Run<WebhookTriggerOptions> run) {
    auto o = std::make_shared<WebhookTriggerOptions>();
    auto cmd = webhook.add_subcommand("trigger", "Send a signed sample event").footer(kWebhookTriggerHelp);
    cmd.add_option("event", o->event, "Which event; --list names them").type_name("EVENT");
    cmd.add_option("--to", o->to, "Where to send it [printed]").type_name("URL");
    cmd.add_option("--room", o->room, "Name of its room").capture_default().type_name("ROOM");
    cmd.add_option("--participant", o->participant, "Identity of its participant").capture_default().type_name("IDENTITY");
    cmd.add_option("--set", o->set, "Change a field: room.metadata=x (repeat)").one_value().type_name("PATH=VALUE");
    cmd.add_flag("--print", o->print, "Print the event also when it is sent");
    cmd.add_flag("--list", o->list, "Name the events there are");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_webhook_trigger(const WebhookTriggerOptions& o, Env& env) {
    if (o.list) return list_events(env);
    if (o.event.empty()) return fail_with_hint(Errc::Usage, "which event?", fmt::format("one of {}", fmt::join(livekit::webhook_events(), ", ")));
    if (!o.to.empty()) VC_TRY(check_target(o.to));
    VC_TRY_ASSIGN(const auto one, make(o, env));
    if (!o.to.empty()) return send(one, o, env);
    return env.out.emit(triggered_json(one, o.room), as_command(one), one.id);
}

}  // namespace voicectl::commands
