#include "core/serve/internal_keys.h"

#include <algorithm>

#include "voicectl/base/digest.h"
#include "voicectl/base/text.h"
#include "voicectl/serve/gate.h"

namespace voicectl::serve {

Result<InternalKeys> InternalKeys::make(const std::vector<std::string>& keys) {
    constexpr std::size_t kMost = 2;
    if (keys.size() > kMost) return fail_with_hint(Errc::Config, "there are more than two internal keys", "give the new one and the one before; drop older ones");
    InternalKeys out;
    for (const auto& key : keys) {
        if (key.size() < kShortestInternalKey) {
            return fail_with_hint(Errc::Config, fmt::format("an internal key has fewer than {} characters", kShortestInternalKey),
                                  "make one: openssl rand -base64 32");
        }
        const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
        if (trim(key) != key || !std::all_of(key.begin(), key.end(), printable))
            return fail_with_hint(Errc::Config, "an internal key has characters that no header carries", "make one: openssl rand -base64 32");
        if (out.know(key)) return fail_with_hint(Errc::Config, "both internal keys are the same", "give the second one only while the first replaces it");
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
