// The keys by which services (and operators at the page) know each other. Immutable, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::serve {

class InternalKeys {
 public:
    /// Config: more than two, the same twice, shorter than kShortestInternalKey.
    static Result<InternalKeys> make(const std::vector<std::string>& keys);
    bool empty() const { return hashes_.empty(); }
    /// Takes as long whichever of them it is, and wherever it differs.
    bool know(std::string_view key) const;

 private:
    std::vector<std::string> hashes_;  // SHA-256: of equal length, whatever is given
};

}  // namespace voicectl::serve
