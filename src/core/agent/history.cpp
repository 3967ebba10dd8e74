#include "history.h"

namespace voicectl::agent {
namespace {

std::size_t tokens(const speech::ChatMessage& message) { return size_of(message) / kBytesOfToken + 1; }

}  // namespace

std::size_t size_of(const speech::ChatMessage& message) {
    auto size = message.text.size();
    for (const auto& call : message.calls) size += call.name.size() + call.arguments.size();
    return size;
}

void trim_history(std::vector<speech::ChatMessage>& history, const HistoryLimits& limits) {
    std::size_t instructions = 0, taken = 0;
    while (instructions < history.size() && history[instructions].role == speech::ChatMessage::Role::System) taken += tokens(history[instructions++]);
    auto first = history.size();  // of what is kept
    while (first > instructions) {
        const auto kept = history.size() - first + instructions + 1;
        taken += tokens(history[first - 1]);
        const bool too_many = kept > static_cast<std::size_t>(limits.messages);
        const bool too_long = limits.tokens > 0 && taken > static_cast<std::size_t>(limits.tokens);
        if ((too_many || too_long) && first < history.size()) break;
        --first;
    }
    while (first < history.size() && first > instructions && history[first].role == speech::ChatMessage::Role::Tool) ++first;
    history.erase(history.begin() + static_cast<std::ptrdiff_t>(instructions), history.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace voicectl::agent
