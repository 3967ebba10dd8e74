#include "voicectl/base/result.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <vector>

namespace voicectl {
namespace {

TEST_CASE("every cause has its exit code and a name of its own") {
    const std::vector<std::pair<Errc, int>> table{
        {Errc::Other, 1},     {Errc::Usage, 2},    {Errc::Config, 2},      {Errc::Rejected, 2}, {Errc::CheckFailed, 3},
        {Errc::Auth, 4},      {Errc::NotFound, 5}, {Errc::Conflict, 6},    {Errc::Unreachable, 7}, {Errc::Timeout, 8},
        {Errc::Partial, 9},   {Errc::Protocol, 1}, {Errc::Io, 1},          {Errc::Missing, 1},  {Errc::Cancelled, 130},
        {Errc::Terminated, 143}};
    std::set<std::string_view> names;
    for (const auto& [code, exit] : table) {
        CHECK(exit_code(code) == exit);
        names.insert(to_string(code));
    }
    CHECK(names.size() == table.size());
    CHECK(to_string(Errc::NotFound) == "not_found");
    CHECK(exit_code(static_cast<Errc>(999)) == 1);
}

Result<int> half(int number) {
    if (number % 2 != 0) return fail_with_hint(Errc::Usage, fmt::format("{} is odd", number), "give an even number");
    return number / 2;
}
Result<void> check_even(int number) {
    VC_TRY(half(number));
    return {};
}
Result<int> quarter(int number) {
    VC_TRY_ASSIGN(const auto first, half(number));
    auto second = half(first);
    if (!second) return std::unexpected(std::move(second).error().while_doing("second half"));
    return second;
}

TEST_CASE("an error reads from the outside in and keeps its cause and hint") {
    CHECK(quarter(8) == 2);
    const auto error = quarter(6).error();
    CHECK(error.message == "second half: 3 is odd");
    CHECK(error.code == Errc::Usage);
    CHECK(error.hint == "give an even number");
    CHECK(quarter(5).error().message == "5 is odd");
    CHECK(check_even(4));
    CHECK_FALSE(check_even(5));
}

TEST_CASE("a value that can only be moved comes through") {
    const auto make = [](int number) -> Result<std::unique_ptr<int>> { return std::make_unique<int>(number); };
    const auto use = [&]() -> Result<int> {
        VC_TRY_ASSIGN(auto owned, make(3));
        return *owned;
    };
    CHECK(use() == 3);
}

}  // namespace
}  // namespace voicectl
