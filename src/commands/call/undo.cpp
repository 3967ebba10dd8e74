#include "commands/call/undo.h"

#include <ranges>

namespace voicectl::commands {

void UndoLog::did(std::string what, std::function<Result<void>()> action) {
    std::lock_guard lock(mutex_);
    steps_.emplace_back(std::move(what), std::move(action));
}

std::vector<UndoLog::Outcome> UndoLog::undo() {
    std::lock_guard lock(mutex_);
    std::vector<Outcome> out;
    for (auto& [what, action] : steps_ | std::views::reverse) out.push_back({what, action()});
    steps_.clear();
    return out;
}

std::string in_words(const std::vector<UndoLog::Outcome>& outcomes) {
    std::string good, bad;
    for (const auto& [what, result] : outcomes) {
        if (result) good += (good.empty() ? "undone: " : ", ") + what;
        else bad += fmt::format("{}{} ({})", bad.empty() ? "NOT undone: " : ", ", what, result.error().message);
    }
    if (good.empty() && bad.empty()) return "nothing had to be undone";
    return good + (good.empty() || bad.empty() ? "" : "; ") + bad;
}

}  // namespace voicectl::commands
