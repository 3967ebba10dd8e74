// What was meant by a name that is none. Pure; any thread.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace voicectl::commands {

inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j)
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
    }
    return row[b.size()];
}

/// "; did you mean '--empty-timeout'?": the name that `word` begins, or one at most two slips away.
template<class Names>
std::string nearest(const Names& names, const std::string& word) {
    constexpr std::size_t kEnoughToBegin = 4;  // "--em"
    std::string best;
    std::size_t least = 3;
    for (const auto& name : names) {
        const bool begun = word.size() >= kEnoughToBegin && name.starts_with(word);
        if (const auto distance = begun ? 0 : edit_distance(name, word); distance < least) least = distance, best = name;
    }
    return best.empty() ? best : fmt::format("; did you mean '{}'?", best);
}

}  // namespace voicectl::commands
