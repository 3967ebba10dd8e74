#include "voicectl/base/jws.h"

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

Result<std::string> decode_part(std::string_view part, UnusedBits bits) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string canonical(part);
    const std::size_t unused = part.size() % 4 == 2 ? 4 : part.size() % 4 == 3 ? 2 : 0;
    if (bits == UnusedBits::Ignored && unused != 0) {
        const auto value = kAlphabet.find(canonical.back());
        if (value != std::string_view::npos) canonical.back() = kAlphabet[value >> unused << unused];
    }
    return base64url_decode(canonical);
}

}  // namespace

Result<Jws> parse_jws(std::string_view token, UnusedBits bits) {
    const auto malformed = fail(Errc::Protocol, "it does not have the form header.claims.signature");
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) return malformed;
    auto header = decode_part(token.substr(0, first), bits);
    auto payload = decode_part(token.substr(first + 1, last - first - 1), bits);
    auto signature = decode_part(token.substr(last + 1), bits);
    if (!header || !payload || !signature) return fail(Errc::Protocol, "a part of it is not base64url");
    return Jws{std::move(*header), std::move(*payload), std::move(*signature), token.substr(0, last)};
}

}  // namespace voicectl
