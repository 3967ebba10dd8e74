#include "voicectl/speech/compare.h"

#include <algorithm>
#include <cstdint>

namespace voicectl::speech {
namespace {

std::string without_plural(const std::string& word) {
    std::string plain;
    std::copy_if(word.begin(), word.end(), std::back_inserter(plain), [](char c) { return c != '\''; });
    if (plain.size() >= 4 && plain.ends_with('s') && !plain.ends_with("ss")) plain.pop_back();
    return plain;
}

std::vector<std::string> comparable(const std::vector<std::string>& words) {
    std::vector<std::string> out;
    for (const auto& word : words) out.push_back(without_plural(word));
    return out;
}

enum class Move : std::uint8_t { Match, Substitute, Delete, Insert };

/// The cheapest way from the expected words to the heard ones, one byte per cell; of several the one with
/// the most matches, so that a lost and an added word are not taken for words misheard in between.
class Alignment {
 public:
    Alignment(const std::vector<std::string>& expected, const std::vector<std::string>& heard, Extent extent)
        : width_(heard.size() + 1), moves_((expected.size() + 1) * width_) {
        const bool free_ends = extent == Extent::Part;
        std::vector<long> above(width_), row(width_);
        for (std::size_t j = 0; j < width_; ++j) {
            above[j] = free_ends ? 0 : kError * static_cast<long>(j);
            move(0, j) = Move::Insert;
        }
        for (std::size_t i = 1; i <= expected.size(); ++i) {
            row[0] = kError * static_cast<long>(i);
            move(i, 0) = Move::Delete;
            for (std::size_t j = 1; j < width_; ++j) row[j] = step(i, j, expected[i - 1] == heard[j - 1], above, row);
            above.swap(row);
        }
        const auto best = free_ends ? std::min_element(above.begin(), above.end()) : above.end() - 1;
        end_ = static_cast<std::size_t>(best - above.begin());
    }

    /// Where the part ends that the expected words were aligned with.
    std::size_t end() const { return end_; }
    Move at(std::size_t i, std::size_t j) const { return moves_[i * width_ + j]; }

 private:
    static constexpr long kError = 1'000'000, kMatch = -1;

    Move& move(std::size_t i, std::size_t j) { return moves_[i * width_ + j]; }

    long step(std::size_t i, std::size_t j, bool same, const std::vector<long>& above, const std::vector<long>& row) {
        const long diagonal = above[j - 1] + (same ? kMatch : kError);
        const long cost = std::min({diagonal, above[j] + kError, row[j - 1] + kError});
        if (cost == diagonal) move(i, j) = same ? Move::Match : Move::Substitute;
        else move(i, j) = cost == above[j] + kError ? Move::Delete : Move::Insert;
        return cost;
    }

    std::size_t width_;
    std::vector<Move> moves_;
    std::size_t end_ = 0;
};

}  // namespace

double WordMatch::word_error_rate() const {
    const int wrong = substituted + deleted + inserted;
    if (expected == 0) return wrong == 0 ? 0 : 1;
    return static_cast<double>(wrong) / expected;
}

WordMatch compare_words(std::string_view expected, std::string_view heard, Extent extent) {
    const auto wanted = to_words(expected);
    const auto got = to_words(heard);
    const Alignment alignment(comparable(wanted), comparable(got), extent);
    WordMatch match;
    match.expected = static_cast<int>(wanted.size());
    auto i = wanted.size();
    auto j = alignment.end();
    while (i > 0 || (j > 0 && extent == Extent::Whole)) {
        const auto move = alignment.at(i, j);
        match.matched += move == Move::Match;
        match.substituted += move == Move::Substitute;
        match.deleted += move == Move::Delete;
        match.inserted += move == Move::Insert;
        if (move == Move::Substitute || move == Move::Delete) match.missing.push_back(wanted[i - 1]);
        if (move == Move::Substitute || move == Move::Insert) match.extra.push_back(got[j - 1]);
        if (move != Move::Insert) --i;
        if (move != Move::Delete) --j;
    }
    std::reverse(match.missing.begin(), match.missing.end());
    std::reverse(match.extra.begin(), match.extra.end());
    match.score = std::max(0.0, 1 - match.word_error_rate());
    return match;
}

}  // namespace voicectl::speech
