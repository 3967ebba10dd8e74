#include "commands/doctor/checkup.h"

#include <algorithm>

#include "voicectl/base/loop.h"
#include "voicectl/base/redact.h"

namespace voicectl::commands {
namespace {

bool holds(const std::vector<std::string>& list, const std::string& id) { return std::find(list.begin(), list.end(), id) != list.end(); }

bool selected(const Selection& selection, const std::string& id) {
    return (selection.only.empty() || holds(selection.only, id)) && !holds(selection.skip, id);
}

/// The title of the first need that is not met, or empty.
std::string obstacle(const PlannedCheck& check, const std::vector<CheckResult>& results) {
    for (const auto& need : check.needs) {
        const auto found = std::find_if(results.begin(), results.end(), [&](const CheckResult& one) { return one.id == need; });
        if (found == results.end()) continue;
        if (found->finding.state == Finding::State::Failed) return fmt::format("because of {}", need);
        if (found->finding.state == Finding::State::Skipped && found->finding.evidence.contains("blocked")) return fmt::format("because of {}", scalar_text(found->finding.evidence["blocked"]));
    }
    return {};
}

Finding blocked(const std::string& why) {
    auto out = Finding::skipped(why);
    out.evidence["blocked"] = why.substr(std::string_view("because of ").size());
    return out;
}

}  // namespace

Finding Finding::failed(const Error& error, std::string hint) {
    return {State::Failed, redact(error.message), hint.empty() ? redact(error.hint) : std::move(hint), {{"code", voicectl::to_string(error.code)}}};
}

std::string_view to_string(Finding::State state) {
    switch (state) {
        case Finding::State::Ok: return "ok";
        case Finding::State::Warning: return "warning";
        case Finding::State::Failed: return "failed";
        case Finding::State::Skipped: break;
    }
    return "skipped";
}

void Checkup::plan(std::string id, std::string title, std::vector<std::string> needs, std::function<Finding()> look) {
    plan_.push_back({std::move(id), std::move(title), std::move(needs), std::move(look)});
}

Result<void> Checkup::check_selection(const Selection& selection) const {
    std::vector<std::string> known;
    for (const auto& one : plan_) known.push_back(one.id);
    for (const auto* list : {&selection.only, &selection.skip})
        for (const auto& id : *list)
            if (!holds(known, id)) return fail_with_hint(Errc::Usage, fmt::format("there is no check '{}'", id), fmt::format("there are {}", fmt::join(known, ", ")));
    if (std::none_of(known.begin(), known.end(), [&](const std::string& id) { return selected(selection, id); }))
        return fail_with_hint(Errc::Usage, "no check is left to look at", "--skip takes away all of --only; name other checks");
    return {};
}

Result<std::vector<CheckResult>> Checkup::run(const Selection& selection, const std::function<void(const std::string&)>& on_start,
                                              const std::function<void(const CheckResult&)>& on_result,
                                              const std::function<Result<void>()>& stopped) const {
    VC_TRY(check_selection(selection));
    std::vector<CheckResult> results;
    for (const auto& check : plan_) {
        if (!selected(selection, check.id)) continue;
        VC_TRY(stopped());
        on_start(check.title);
        const auto begun = Clock::now();
        const auto why_not = obstacle(check, results);
        auto finding = why_not.empty() ? check.look() : blocked(why_not);
        VC_TRY(stopped());  // what a signal cut short is no finding
        results.push_back({check.id, check.title, std::move(finding), std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun)});
        on_result(results.back());
    }
    return results;
}

Json checkup_json(const std::vector<CheckResult>& results) {
    Json checks = Json::array();
    Json counts{{"ok", 0}, {"warning", 0}, {"failed", 0}, {"skipped", 0}};
    for (const auto& one : results) {
        const std::string state(to_string(one.finding.state));
        counts[state] = counts[state].get<int>() + 1;
        checks.push_back({{"id", one.id},
                          {"title", one.title},
                          {"state", state},
                          {"detail", redact(one.finding.detail)},
                          {"hint", redact(one.finding.hint)},
                          {"elapsedMs", one.elapsed.count()},
                          {"evidence", one.finding.evidence}});
    }
    return {{"schemaVersion", 1}, {"healthy", counts["failed"] == 0}, {"counts", counts}, {"checks", std::move(checks)}};
}

}  // namespace voicectl::commands
