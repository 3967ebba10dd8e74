// That comparing secrets takes no longer where they agree for longer, shown by what it took: Welch's t-test over many
// measurements of two classes, mixed at random, as in dudect (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?").
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/serve/internal_keys.h"
#include "voicectl/base/digest.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(_GLIBCXX_TSAN)
#define VC_INSTRUMENTED 1
#else
#define VC_INSTRUMENTED 0
#endif

namespace voicectl::serve {
namespace {

constexpr int kSamples = 10'000, kTries = 3;
constexpr double kNoDifference = 10;     // dudect's bound for "probably not constant" is 10, for "maybe" 4.5
constexpr double kPlainDifference = 100;  // what an early exit must come to

struct Sum {
    double count = 0, mean = 0, squares = 0;  // Welford's
    void add(double value) {
        ++count;
        const double off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    double variance() const { return squares / (count - 1); }
};

double welch(const std::vector<double>& a, const std::vector<double>& b, double cut) {
    Sum left, right;
    for (const auto value : a)
        if (value <= cut) left.add(value);
    for (const auto value : b)
        if (value <= cut) right.add(value);
    const auto spread = std::sqrt(left.variance() / left.count + right.variance() / right.count);
    return spread == 0 ? (left.mean == right.mean ? 0 : INFINITY) : std::abs(left.mean - right.mean) / spread;
}

/// The difference of two classes of input. What interrupted a measurement makes it long: everything over the 90th percentile of
/// both is cut, at the same length for both.
template<class Compare>
double difference(Compare compare, const std::string& mine, const std::string& first_class, const std::string& second_class) {
    std::minstd_rand random(7);
    std::vector<double> took[2], all;
    for (auto& list : took) list.reserve(kSamples);
    std::string given = first_class;
    std::vector<std::pair<std::size_t, char>> apart;  // where the classes differ
    for (std::size_t at = 0; at < given.size(); ++at)
        if (first_class[at] != second_class[at]) apart.emplace_back(at, static_cast<char>(first_class[at] ^ second_class[at]));
    volatile unsigned sink = 0;
    for (int i = 0; i < kSamples; ++i) {
        // The class comes in as data alone, in one place, without a branch: neither caches nor predictors know it.
        const unsigned side = random() >> 8 & 1;
        const auto mask = static_cast<char>(-static_cast<int>(side));
        for (const auto& [at, bits] : apart) given[at] = static_cast<char>(first_class[at] ^ (bits & mask));
        const auto begin = std::chrono::steady_clock::now();
        sink = sink + static_cast<unsigned>(compare(mine, given));
        const auto end = std::chrono::steady_clock::now();
        took[side].push_back(static_cast<double>((end - begin).count()));
        all.push_back(took[side].back());
    }
    const auto cut = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 9 / 10);
    std::nth_element(all.begin(), cut, all.end());
    return welch(took[0], took[1], *cut);
}

/// The least of some tries: a noisy machine makes differences, and takes none away for long.
template<class Compare>
double least_difference(Compare compare, const std::string& mine, const std::string& first_class, const std::string& second_class) {
    double least = INFINITY;
    for (int i = 0; i < kTries && least >= kNoDifference; ++i) least = std::min(least, difference(compare, mine, first_class, second_class));
    return least;
}

bool by_library(const std::string& a, const std::string& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

bool early_exit(const std::string& a, const std::string& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i]) return false;
    return true;
}

}  // namespace

TEST_CASE("how long a comparison of secrets takes says nothing about where they differ" * doctest::skip(VC_INSTRUMENTED != 0)) {
    const std::string secret(4096, 's');  // long: what there is to see is larger than a clock's step
    auto first_wrong = secret, last_wrong = secret;
    first_wrong.front() = 'x';
    last_wrong.back() = 'x';

    SUBCASE("what compares bytes") {
        const auto compare = [](const std::string& a, const std::string& b) { return same_secret(a, b); };
        CHECK(least_difference(compare, secret, first_wrong, last_wrong) < kNoDifference);
        CHECK(least_difference(compare, secret, first_wrong, secret) < kNoDifference);
    }
    SUBCASE("what knows internal keys, of which there are two") {
        auto other = secret;
        other.replace(100, 8, "anything");
        const auto keys = InternalKeys::make({secret, other}, "key");
        REQUIRE(keys);
        REQUIRE(keys->know(other));
        const auto compare = [&](const std::string&, const std::string& given) { return keys->know(given); };
        CHECK(least_difference(compare, secret, first_wrong, last_wrong) < kNoDifference);
        CHECK(least_difference(compare, secret, first_wrong, secret) < kNoDifference);
        CHECK(least_difference(compare, secret, secret, other) < kNoDifference);
    }
    SUBCASE("and this test sees a comparison that ends early") {
        for (const auto compare : {early_exit, by_library}) {
            CHECK(least_difference(compare, secret, first_wrong, last_wrong) > kPlainDifference);
            CHECK(least_difference(compare, secret, first_wrong, secret) > kPlainDifference);
        }
    }
}

}  // namespace voicectl::serve
