#include "commands/webhook/verify.h"

#include "commands/webhook/capture.h"
#include "commands/webhook/keys.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::SystemTime;

constexpr const char* kWebhookVerifyHelp = R"(Decides as LiveKit's own receivers do: the token of the Authorization header must be signed with the secret
of its API key, be valid now (60 s of skew are forgiven), and name the SHA-256 of exactly these bytes. Exit 0: valid; exit 3: not,
and which of: no header, malformed, unknown key, algorithm, signature, expired, not yet valid, no body hash, body hash - then with both
hashes, and whether the body was re-encoded (a framework parsed it before you) or changed.

With --auth, FILE is the raw body. Without it, FILE is a capture (`webhook listen --save`): one verdict for each delivery.
Tokens live for five minutes; --at capture judges each delivery as of when it was received. Needs LIVEKIT_API_KEY and
LIVEKIT_API_SECRET, but no server.

Examples:
  voicectl webhook verify body.json --auth @authorization.txt
  voicectl webhook verify deliveries.jsonl --at capture
  voicectl webhook verify body.json --auth "$AUTHORIZATION" --at 2026-11-22T12:00:00Z --json)";

struct When {
    bool of_capture = false;
    std::optional<SystemTime> fixed;

    SystemTime of(const CapturedDelivery& delivery) const {
        if (of_capture && delivery.received_at) return *delivery.received_at;
        return fixed.value_or(std::chrono::system_clock::now());
    }
};

Result<When> parse_at(const std::string& text) {
    if (text.empty()) return When{};
    if (text == "capture") return When{true, {}};
    const auto time = parse_time(text);
    if (!time) return fail_with_hint(Errc::Usage, fmt::format("--at: '{}' is neither a time nor 'capture'", terminal_safe(text)), "write it like 2026-01-02T03:04:05Z");
    return When{false, *time};
}

Json delivery_json(const CapturedDelivery& delivery, const livekit::WebhookVerdict& verdict, SystemTime judged_at) {
    Json out = verdict_json(verdict);
    out["judgedAt"] = format_time(judged_at);
    out["id"] = delivery.id;
    out["event"] = delivery.event;
    out["room"] = delivery.room;
    out["line"] = delivery.line == 0 ? Json() : Json(delivery.line);
    out["receivedAt"] = delivery.received_at ? Json(format_time(*delivery.received_at)) : Json();
    return out;
}

std::string delivery_line(const CapturedDelivery& delivery, const livekit::WebhookVerdict& verdict) {
    std::string what = delivery.line == 0 ? "" : fmt::format("line {}: ", delivery.line);
    if (!delivery.event.empty()) what += plain_text(fmt::format("{} {} ", delivery.event, delivery.id), 120);
    if (!verdict.valid()) return what + "not valid: " + verdict.reason;
    return fmt::format("{}valid: signed with API key {}{}", what, plain_text(verdict.key, 80),
                       verdict.bearer ? "; 'Bearer' was taken off, which LiveKit's own receivers refuse" : "");
}

Result<void> verify_body(const WebhookVerifyOptions& o, const livekit::WebhookKeys& keys, const When& when, Env& env) {
    if (when.of_capture) return fail(Errc::Usage, "--at capture is for captures: a body alone does not say when it came");
    if (o.file == "-" && *o.authorization == "-") return fail(Errc::Usage, "body and --auth cannot both come from standard input");
    VC_TRY_ASSIGN(const auto header, read_bytes(*o.authorization));
    std::string body;
    if (o.file == "-") {
        VC_TRY_ASSIGN(body, read_bytes("-"));
    } else {
        VC_TRY_ASSIGN(body, read_given_file(o.file));
    }
    CapturedDelivery delivery;
    if (auto known = parse_capture(body, 0)) delivery = std::move(*known);  // the names alone; anything may stand in a body
    const auto now = when.of(delivery);
    const auto verdict = livekit::verify_delivery(header, body, keys, now);
    VC_TRY(env.out.emit(delivery_json(delivery, verdict, now), delivery_line(delivery, verdict), verdict.valid() ? "valid" : "invalid"));
    if (!verdict.valid()) return fail_with_hint(Errc::CheckFailed, fmt::format("the delivery is not valid: {}", verdict.reason), verdict.hint);
    return {};
}

Result<void> verify_capture(const WebhookVerifyOptions& o, const livekit::WebhookKeys& keys, const When& when, Env& env) {
    VC_TRY_ASSIGN(auto reader, CaptureReader::open(o.file));
    if (env.out.format == Format::Json) env.out.format = Format::Jsonl;  // as many as there are, one after the other
    std::size_t all = 0, invalid = 0;
    std::string first, hint;
    while (!env.out.reader_gone()) {
        VC_TRY_ASSIGN(const auto next, reader.next());
        if (!next) break;
        if (when.of_capture && !next->received_at) return fail(Errc::Usage, "line {} does not say when it was received, which --at capture needs", next->line);
        const auto now = when.of(*next);
        const auto verdict = livekit::verify_delivery(next->authorization, next->body, keys, now);
        ++all;
        if (!verdict.valid() && ++invalid == 1) {
            first = fmt::format("line {}: {}", next->line, verdict.reason);
            const bool old = verdict.fault == livekit::DeliveryFault::Expired && !when.of_capture;
            hint = old ? "tokens live for five minutes; --at capture judges each as of when it was received" : verdict.hint;
        }
        VC_TRY(env.out.emit(delivery_json(*next, verdict, now), delivery_line(*next, verdict), verdict.valid() ? "valid" : "invalid"));
    }
    if (all == 0) return fail_with_hint(Errc::Usage, "there is no delivery in it", "a body alone is verified with --auth HEADER");
    if (invalid != 0) return fail_with_hint(Errc::CheckFailed, fmt::format("{} of {} deliveries are not valid; first {}", invalid, all, first), hint);
    env.out.note(fmt::format("all {} deliveries are valid", all));
    return {};
}

}  // namespace

void add_webhook_verify(Command webhook, Env& env, Run<WebhookVerifyOptions> run) {
    auto o = std::make_shared<WebhookVerifyOptions>();
    auto cmd = webhook.add_subcommand("verify", "Say whether deliveries are LiveKit's, and if not, why not").footer(kWebhookVerifyHelp);
    cmd.add_option("file", o->file, "The raw body (with --auth) or a capture; - is standard input").capture_default().type_name("FILE");
    cmd.add_option("--auth", o->authorization, "The Authorization header of the delivery, @file, or -").may_be_empty().type_name("TEXT|@FILE|-");
    cmd.add_option("--at", o->at, "Judge as of this time, or of when each was received [now]").type_name("TIME|capture");
    cmd.add_option("--keys", o->keys_file, "More keys and secrets, as in LiveKit's key_file").type_name("FILE");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_webhook_verify(const WebhookVerifyOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto when, parse_at(o.at));
    VC_TRY_ASSIGN(const auto keys, webhook_keys(o.keys_file, env));
    if (o.authorization) return verify_body(o, keys, when, env);
    return verify_capture(o, keys, when, env);
}

}  // namespace voicectl::commands
