#include "voicectl/e2e/report.h"

#include <algorithm>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::e2e {
namespace {

std::string_view to_string(Check::State state) {
    switch (state) {
        case Check::State::Held: return "passed";
        case Check::State::Failed: return "failed";
        case Check::State::NotRun: break;
    }
    return "not_run";
}

std::vector<const Check*> in_state(const std::vector<Check>& checks, Check::State state) {
    std::vector<const Check*> out;
    for (const auto& check : checks)
        if (check.state == state) out.push_back(&check);
    return out;
}

}  // namespace

bool Report::passed() const {
    return !stopped && !checks.empty() &&
           std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.state == Check::State::Held; });
}

int Report::held() const { return static_cast<int>(in_state(checks, Check::State::Held).size()); }

std::string Report::summary() const {
    auto text = fmt::format("{} of {} checks held", held(), checks.size());
    const auto failed = in_state(checks, Check::State::Failed);
    if (!failed.empty()) text += fmt::format("; {} did not: {}", failed.front()->id, failed.front()->detail);
    std::string missing;
    for (const auto* check : in_state(checks, Check::State::NotRun)) missing += (missing.empty() ? "" : ", ") + check->id;
    if (!missing.empty()) text += "; not run: " + missing;
    return text;
}

nlohmann::ordered_json Report::to_json() const {
    nlohmann::ordered_json out{{"schemaVersion", 1}, {"passed", passed()},           {"room", room},
                               {"agent", agent},     {"elapsedMs", elapsed.count()}, {"checks", nlohmann::ordered_json::array()}};
    for (const auto& check : checks) {
        out["checks"].push_back({{"id", check.id},
                                 {"title", check.title},
                                 {"state", to_string(check.state)},
                                 {"detail", redact(check.detail)},
                                 {"elapsedMs", check.elapsed.count()},
                                 {"evidence", check.evidence}});
    }
    return out;
}

Result<void> Report::verdict() const {
    if (stopped) return std::unexpected(*stopped);
    if (passed()) return {};
    return fail(Errc::CheckFailed, "{}", summary());
}

}  // namespace voicectl::e2e
