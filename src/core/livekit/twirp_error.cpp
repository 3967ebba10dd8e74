#include "twirp_error.h"

#include <array>
#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

using Json = nlohmann::json;

struct Code {
    std::string_view name;
    Errc code;
};
constexpr std::array kCodes{
    Code{"unauthenticated", Errc::Auth},       Code{"permission_denied", Errc::Auth},
    Code{"not_found", Errc::NotFound},         Code{"already_exists", Errc::Conflict},
    Code{"aborted", Errc::Conflict},           Code{"failed_precondition", Errc::Conflict},
    Code{"invalid_argument", Errc::Rejected},  Code{"malformed", Errc::Rejected},
    Code{"out_of_range", Errc::Rejected},      Code{"unimplemented", Errc::Rejected},
    Code{"resource_exhausted", Errc::Unreachable}, Code{"unavailable", Errc::Unreachable},
    Code{"canceled", Errc::Timeout},           Code{"deadline_exceeded", Errc::Timeout},
    Code{"bad_route", Errc::Protocol},
};

struct Status {
    int from, to;
    Errc code;
};
constexpr std::array kStatuses{
    Status{401, 401, Errc::Auth},        Status{403, 403, Errc::Auth},    Status{404, 404, Errc::Protocol},
    Status{408, 408, Errc::Timeout},     Status{413, 413, Errc::Rejected}, Status{429, 429, Errc::Unreachable},
    Status{502, 503, Errc::Unreachable}, Status{504, 504, Errc::Timeout},  Status{400, 499, Errc::Rejected},
    Status{500, 599, Errc::Other},
};

/// KnownText texts of the server: what they mean and what to do. The first row that fits counts; an empty
/// method fits all, an empty meaning keeps the server's words.
struct KnownText {
    std::string_view method, text, meaning, hint;
    Errc code = Errc::Other;  // Other: as the status says
};
constexpr std::string_view kRecordsNothing = "this server records nothing: it runs without Redis (redis required)";
constexpr std::string_view kRedisForEgress = "give the server and an egress service the same Redis (redis: in both configurations)";
constexpr std::array kKnownTexts{
    KnownText{"", "signature is invalid", "the API secret is not the one of this API key (token signature is invalid)",
          "check LIVEKIT_API_SECRET against the server's configuration"},
    KnownText{"", "invalid API key", "the server does not know this API key", "check LIVEKIT_API_KEY against the server's configuration"},
    KnownText{"", "token is expired", "the server takes our fresh token for expired", "compare the clocks of this machine and of the server"},
    KnownText{"", "token is not valid yet", "the server takes our fresh token for one of the future",
          "compare the clocks of this machine and of the server"},
    KnownText{"", "invalid authorization token", "the server cannot read our token", "is the URL that of a LiveKit server?"},
    KnownText{"", "permissions denied", "", "the token lacks a grant that this call needs"},
    KnownText{"Start", "no response from servers", "no egress worker took the job (no response from servers)",
          "no egress service runs, none has the CPU free that this job needs (4 cores with video, 1 for audio only), or it shares no Redis "
          "with the server; --audio-only without a layout needs the least", Errc::Unreachable},
    KnownText{"Start", "not enough CPU", "no egress worker has enough CPU free for this job",
          "wait until others have ended, or start another egress service", Errc::Unreachable},
    KnownText{"Start", "missing or invalid field: output", "the egress service refuses the request: its output is missing or invalid",
          "give --out, and a --storage when the service keeps no local files", Errc::Rejected},
    KnownText{"Start", "missing or invalid field", "", "compare the request with --dry-run", Errc::Rejected},
    KnownText{"ListEgress", "redis required", kRecordsNothing, kRedisForEgress, Errc::Unreachable},
    KnownText{"Start", "redis required", kRecordsNothing, kRedisForEgress, Errc::Unreachable},
    KnownText{"StopEgress", "redis required", kRecordsNothing, kRedisForEgress, Errc::Unreachable},
    KnownText{"UpdateLayout", "redis required", kRecordsNothing, kRedisForEgress, Errc::Unreachable},
    KnownText{"UpdateStream", "redis required", kRecordsNothing, kRedisForEgress, Errc::Unreachable},
    KnownText{"TransferSIP", "no SIP session associated", "the caller does not come over LiveKit's SIP service", "only telephone callers can be transferred",
              Errc::Rejected},
    KnownText{"TransferSIP", "no response from servers", "no SIP service holds this call (no response from servers)", "does LiveKit's SIP service run?",
              Errc::Unreachable},
    KnownText{"", "redis required", "this server cannot do that: it runs without Redis (redis required)",
          "give the server and the service that does it (SIP, ingress) the same Redis (redis: in both configurations)", Errc::Unreachable},
    KnownText{"StopEgress", "request timed out", "the egress worker of this recording does not answer",
          "it was probably killed: the server then lists the recording as active until it forgets it; look at the worker's machine",
          Errc::Unreachable},
    KnownText{"StopEgress", "cannot be stopped", "", "it has ended already; --ignore-finished takes that for done", Errc::Conflict},
    KnownText{"Update", "non-streaming egress", "this egress streams to nowhere, so it has no stream to change", "start one with --out rtmp://…",
          Errc::Conflict},
    KnownText{"UpdateLayout", "participant does not exist", "the recorder of this egress is not in the room", "only a running composite has a layout",
          Errc::Conflict},
    KnownText{"", "could not find any available nodes", "", "the server is shutting down or overloaded", Errc::Unreachable},
    KnownText{"", "no response from servers", "", "the room or participant is gone, or the node that holds it is down"},
    KnownText{"", "requested room does not exist", "", "voicectl room list shows the rooms there are"},
    KnownText{"", "remote unmute not enabled", "the server lets nobody unmute others (remote unmute not enabled)",
          "set room.enable_remote_unmute in the server's configuration, or ask the participant to unmute"},
    KnownText{"MoveParticipant", "not implemented", "this server cannot move participants: LiveKit Cloud only",
          "a self-hosted way: have the participant join the other room with a token for it (voicectl token create)", Errc::Rejected},
};

Errc code_of(std::string_view name) {
    for (const auto& row : kCodes)
        if (row.name == name) return row.code;
    return Errc::Other;
}

Errc code_of(int status) {
    for (const auto& row : kStatuses)
        if (status >= row.from && status <= row.to) return row.code;
    return Errc::Protocol;
}

// "invalid token: <token>, error: <reason>" and "twirp error unknown: <reason>".
std::string cleaned(std::string_view text) {
    constexpr std::string_view kNoise = "twirp error unknown: ";
    while (text.starts_with(kNoise)) text.remove_prefix(kNoise.size());
    if (const auto at = text.find(", error: "); text.starts_with("invalid token:") && at != std::string_view::npos)
        text.remove_prefix(at + 9);
    auto out = terminal_safe(redact(trim(valid_utf8(text))));
    // An RPC's error holds what the method has to say, up to its 15,360 bytes of data.
    const std::size_t kShown = out.starts_with("RpcError ") ? 16384 : 300;
    return utf8_length(out) > kShown ? cut_speech(out, kShown) : out;
}

bool is_page(std::string_view body) {
    const auto start = to_lower_ascii(trim(body).substr(0, 64));
    return start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<head") || start.starts_with("<?xml");
}

Error apply_known(std::string_view method, Error error) {
    for (const auto& row : kKnownTexts) {
        if (!method.starts_with(row.method) || error.message.find(row.text) == std::string::npos) continue;
        if (!row.meaning.empty()) error.message = row.meaning;
        error.hint = row.hint;
        if (row.code != Errc::Other) error.code = row.code;
        break;
    }
    return error;
}

Error from_twirp(const Json& body) {
    const auto code = text_at(body, "code");
    Error error{code_of(code), cleaned(text_at(body, "msg")), {}};
    if (error.message.empty()) error.message = cleaned(code);
    if (code == "bad_route") error.hint = "this server does not know the call; it may be too old";
    return error;
}

Error from_text(const net::HttpResponse& response) {
    const Errc code = code_of(response.status);
    if (response.status >= 300 && response.status < 400) {
        return {Errc::Protocol, fmt::format("the server redirects to {}", cleaned(response.header("location"))),
                "use that address as the server URL"};
    }
    if (response.status == 404)
        return {code, "there is no LiveKit API at this address (status 404)", "check the server URL, its path too"};
    if (is_page(response.body) || trim(response.body).empty())
        return {code, fmt::format("status {} from the server or a proxy before it", response.status), {}};
    return {code, cleaned(response.body), {}};
}

}  // namespace

Error describe_refusal(std::string_view method, const net::HttpResponse& response) {
    const auto body = Json::parse(response.body, nullptr, false);
    const bool twirp = body.is_object() && body.contains("code");
    return apply_known(method, twirp ? from_twirp(body) : from_text(response));
}

}  // namespace voicectl::livekit
