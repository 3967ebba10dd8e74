// What went wrong in a remote procedure call, as the server puts it into one text.

#include <array>
#include <charconv>

#include "voicectl/livekit/api.h"

namespace voicectl::livekit {
namespace {

struct KnownCode {
    int code;
    Errc cause;
    std::string_view meaning, hint;
};
constexpr std::array kKnownCodes{
    KnownCode{1400, Errc::NotFound, "the participant has no such method", "methods are registered by the participant's own code; the name is case-sensitive"},
    KnownCode{1401, Errc::NotFound, "the participant is not there (any more)", "voicectl room participant list shows who is there"},
    KnownCode{1402, Errc::Rejected, "the payload is too large", "a request has at most 15,360 bytes; send a text stream (room send --text) for more"},
    KnownCode{1403, Errc::Unreachable, "the server cannot do calls between participants", "it may be too old"},
    KnownCode{1404, Errc::Unreachable, "the participant speaks another version of RPC", "its SDK may be too old"},
    KnownCode{1501, Errc::Timeout, "the participant did not take the call within 2 s", "is its program alive, and does its SDK know RPC?"},
    KnownCode{1502, Errc::Timeout, "the method did not answer in time", "give it more by --timeout"},
    KnownCode{1503, Errc::NotFound, "the participant left during the call", ""},
    KnownCode{1504, Errc::Rejected, "the answer is too large", "a reply has at most 15,360 bytes"},
};

}  // namespace

// "RpcError <code>: <message>[: <data>]"; a message with ": " in it cannot be told from data.
std::optional<RpcRefusal> parse_rpc_refusal(std::string_view text) {
    constexpr std::string_view kSign = "RpcError ";
    const auto at = text.find(kSign);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + kSign.size());
    RpcRefusal out;
    const auto number = std::from_chars(text.data(), text.data() + text.size(), out.code);
    if (number.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(number.ptr - text.data()));
    if (text.starts_with(": ")) text.remove_prefix(2);
    const auto colon = text.find(": ");
    out.message = text.substr(0, colon);
    if (colon != std::string_view::npos) out.data = text.substr(colon + 2);
    return out;
}

Error explain(const RpcRefusal& refusal) {
    for (const auto& row : kKnownCodes)
        if (row.code == refusal.code)
            return {row.cause, fmt::format("{} (RPC error {})", row.meaning, row.code), std::string(row.hint)};
    return {Errc::Other,
            fmt::format("the method refused with error {}: {}{}{}", refusal.code, refusal.message, refusal.data.empty() ? "" : ": ",
                        refusal.data),
            {}};
}

}  // namespace voicectl::livekit
