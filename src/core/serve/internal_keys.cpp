#include "core/serve/internal_keys.h"

#include <algorithm>

#include "voicectl/base/digest.h"
#include "voicectl/base/text.h"
#include "voicectl/serve/gate.h"

namespace voicectl::serve {

Result<InternalKeys> InternalKeys::make(const std::vector<std::string>& keys, std::string_view what) {
    constexpr std::size_t kMost = 2;
    constexpr const char* kHowToMake = "make one: openssl rand -base64 32";
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (keys.size() > kMost) return fail_with_hint(Errc::Config, fmt::format("there are more than two {}s", what), "give the new one and the one before; drop older ones");
    InternalKeys out;
    for (const auto& key : keys) {
        if (key.size() < kShortestInternalKey) return fail_with_hint(Errc::Config, fmt::format("the {} has fewer than {} characters", what, kShortestInternalKey), kHowToMake);
        if (trim(key) != key || !std::all_of(key.begin(), key.end(), printable)) return fail_with_hint(Errc::Config, fmt::format("the {} has characters that no header carries", what), kHowToMake);
        if (out.know(key)) return fail_with_hint(Errc::Config, fmt::format("both {}s are the same", what), "give the second one only while the first replaces it");
        out.hashes_.push_back(sha256(key));
    }
    return out;
}

bool InternalKeys::know(std::string_view key) const {
    const auto hash = sha256(key);
    unsigned known = 0;
    for (const auto& mine : hashes_) known |= static_cast<unsigned>(same_secret(mine, hash));  // every one, always
    return known != 0;
}

}  // namespace voicectl::serve
