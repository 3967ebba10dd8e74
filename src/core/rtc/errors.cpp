#include "core/rtc/errors.h"

#include <algorithm>
#include <array>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::rtc {
namespace {

namespace proto = ::livekit::proto;

struct Rule {
    std::string_view sign;  // in lower case
    Errc code;
    std::string_view says;  // empty: the core's own words
    std::string_view hint;
};

constexpr std::string_view kKeyHint =
    "check that API key and secret are the server's, and the clocks of both machines";

// The first that fits. Texts of core 0.13 and server 1.13, as seen.
constexpr std::array kRules{
    Rule{"relative url", Errc::Usage, "", "a LiveKit URL starts with ws:// or wss://"},
    Rule{"parse the url", Errc::Usage, "", "a LiveKit URL starts with ws:// or wss://"},
    Rule{"expired", Errc::Auth, "the server refused the token: it is expired", kKeyHint},
    Rule{"not valid yet", Errc::Auth, "the server refused the token: it is not valid yet", kKeyHint},
    Rule{"signature is invalid", Errc::Auth, "the server refused the token: its signature is invalid",
         kKeyHint},
    Rule{"invalid api key", Errc::Auth, "the server refused the token: it does not know the API key",
         kKeyHint},
    Rule{"401", Errc::Auth, "the server refused the token", kKeyHint},
    Rule{"unauthorized", Errc::Auth, "the server refused the token", kKeyHint},
    Rule{"403", Errc::Auth, "the server refused the token", kKeyHint},
    Rule{"does not exist", Errc::NotFound, "",
         "create the room first, or let the server create rooms on join"},
    Rule{"404", Errc::NotFound, "", "is this a LiveKit server, and does the room exist?"},
    Rule{"connection closed by media", Errc::Unreachable,
         "the server takes no more participants into the room", ""},
    Rule{"connection refused", Errc::Unreachable, "connection refused",
         "is the LiveKit server running, and the URL right?"},
    Rule{"lookup address", Errc::Unreachable, "the host name is not known", "check the URL"},
    Rule{"dns", Errc::Unreachable, "the host name is not known", "check the URL"},
    Rule{"timed out", Errc::Timeout, "no answer in time", "is the LiveKit server reachable from here?"},
    Rule{"timeout", Errc::Timeout, "no answer in time", "is the LiveKit server reachable from here?"},
    Rule{"503", Errc::Unreachable, "the server has no capacity", ""},
    Rule{"transport", Errc::Unreachable, "", ""},
    Rule{"io error", Errc::Unreachable, "", ""},
};

// "engine: signal failure: transport connection error: IO error: …": the layers of the core mean nothing to
// who reads it.
std::string without_layers(std::string text) {
    for (const std::string_view layer : {"engine: ", "signal failure: ", "transport connection error: ",
                                         "internal error: ", "IO error: ", "connection error: "}) {
        if (text.starts_with(layer)) text.erase(0, layer.size());
    }
    return text;
}

std::string clean(std::string_view text) {
    auto line = redact(text);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return without_layers(std::string(trim(line)));
}

}  // namespace

Error join_error(std::string_view text) {
    const auto cleaned = clean(text);
    const auto lower = to_lower_ascii(cleaned);
    const auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& each) {
        return lower.find(each.sign) != std::string::npos;
    });
    if (rule == kRules.end()) return {Errc::Protocol, cleaned, {}};
    return {rule->code, rule->says.empty() ? cleaned : std::string(rule->says), std::string(rule->hint)};
}

Error request_error(std::string_view what, std::string_view text) {
    auto error = Error{Errc::Protocol, clean(text), {}};
    const auto lower = to_lower_ascii(error.message);
    if (lower.find("permission") != std::string::npos || lower.find("not allowed") != std::string::npos) {
        error.code = Errc::Auth;
        error.hint = "the token's grants do not allow it";
    } else if (lower.find("timeout") != std::string::npos || lower.find("timed out") != std::string::npos) {
        error.code = Errc::Timeout;
    } else if (lower.find("closed") != std::string::npos || lower.find("connection") != std::string::npos) {
        error.code = Errc::Unreachable;
    }
    return std::move(error).while_doing(what);
}

std::optional<Error> final_error(proto::DisconnectReason reason) {
    switch (reason) {
        case proto::CLIENT_INITIATED:
            return Error{Errc::Cancelled, "left the room", {}};
        case proto::DUPLICATE_IDENTITY:
            return Error{Errc::Conflict, "somebody else joined with the same identity",
                         "identities are unique in a room"};
        case proto::PARTICIPANT_REMOVED:
            return Error{Errc::Conflict, "removed from the room", {}};
        case proto::ROOM_DELETED:
            return Error{Errc::NotFound, "the room was deleted", {}};
        case proto::ROOM_CLOSED:
            return Error{Errc::NotFound, "the room was closed", {}};
        default:
            return std::nullopt;
    }
}

std::string_view to_string(proto::DisconnectReason reason) {
    switch (reason) {
        case proto::CLIENT_INITIATED:
            return "client_initiated";
        case proto::DUPLICATE_IDENTITY:
            return "duplicate_identity";
        case proto::SERVER_SHUTDOWN:
            return "server_shutdown";
        case proto::PARTICIPANT_REMOVED:
            return "participant_removed";
        case proto::ROOM_DELETED:
            return "room_deleted";
        case proto::STATE_MISMATCH:
            return "state_mismatch";
        case proto::JOIN_FAILURE:
            return "join_failure";
        case proto::MIGRATION:
            return "migration";
        case proto::SIGNAL_CLOSE:
            return "signal_close";
        case proto::ROOM_CLOSED:
            return "room_closed";
        case proto::CONNECTION_TIMEOUT:
            return "connection_timeout";
        case proto::MEDIA_FAILURE:
            return "media_failure";
        default:
            return "unknown";
    }
}

}  // namespace voicectl::rtc
