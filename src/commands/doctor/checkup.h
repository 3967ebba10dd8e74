// A list of checks, run in order, each told as it happens. What cannot be looked at because something before
// it is broken is skipped and says so; nothing is called good that was not measured. Main thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "commands/output.h"

namespace voicectl::commands {

struct Finding {
    enum class State { Ok, Warning, Failed, Skipped } state = State::Skipped;
    std::string detail;
    std::string hint;
    Json evidence = Json::object();

    static Finding ok(std::string detail, Json evidence = Json::object()) { return {State::Ok, std::move(detail), {}, std::move(evidence)}; }
    static Finding warning(std::string detail, std::string hint) { return {State::Warning, std::move(detail), std::move(hint)}; }
    static Finding failed(std::string detail, std::string hint) { return {State::Failed, std::move(detail), std::move(hint)}; }
    static Finding failed(const Error& error, std::string hint = {});
    static Finding skipped(std::string why) { return {State::Skipped, std::move(why), {}}; }
};

struct PlannedCheck {
    std::string id, title;
    std::vector<std::string> needs;  // ids of checks before it that must not have failed or been skipped
    std::function<Finding()> look;
};

struct CheckResult {
    std::string id, title;
    Finding finding;
    std::chrono::milliseconds elapsed{0};
};

struct Selection {
    std::vector<std::string> only, skip;
};

class Checkup {
 public:
    void plan(std::string id, std::string title, std::vector<std::string> needs, std::function<Finding()> look);

    /// Usage naming an id of `selection` that is not planned. A need that was not selected counts as met.
    /// `stopped` ends it before the next check with its error.
    Result<std::vector<CheckResult>> run(const Selection& selection, const std::function<void(const std::string& title)>& on_start,
                                         const std::function<void(const CheckResult&)>& on_result,
                                         const std::function<Result<void>()>& stopped) const;

 private:
    Result<void> check_selection(const Selection& selection) const;
    std::vector<PlannedCheck> plan_;
};

std::string_view to_string(Finding::State state);

/// schemaVersion 1.
Json checkup_json(const std::vector<CheckResult>& results);

}  // namespace voicectl::commands
