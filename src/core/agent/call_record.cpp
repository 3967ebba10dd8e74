#include "call_record.h"

#include <filesystem>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kMostEvents = 200, kMostErrors = 50;
constexpr std::size_t kLongestCut = 500;

std::string cut(const std::string& text) { return valid_utf8(std::string_view(text).substr(0, kLongestCut)); }

template<class T>
T number(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<T>() : T{};
}

json list(const json& object, const char* key, std::size_t most) {
    const auto found = object.find(key);
    return found != object.end() && found->is_array() && found->size() <= most ? *found : json::array();
}

}  // namespace

CallRecord::CallRecord(const AgentConfig& config)
    : name_(config.name), file_(std::filesystem::path(config.file).filename().string()), budget_(config.limits.budget) {}

void CallRecord::event(std::int64_t at_ms, const char* kind, const std::string& detail) {
    if (events_.size() >= kMostEvents) return void(++dropped_events_);
    events_.push_back({{"atMs", at_ms}, {"kind", kind}, {"detail", cut(redact(detail))}});
}

void CallRecord::error(std::int64_t at_ms, const char* stage, const std::string& message) {
    if (errors_.size() >= kMostErrors) return void(++dropped_errors_);
    errors_.push_back({{"atMs", at_ms}, {"stage", stage}, {"message", cut(redact(message))}});
}

json CallRecord::head(const Ledger& ledger) const {
    return {{"schemaVersion", 1},
            {"voicectl", VOICECTL_VERSION},
            {"configuration", {{"name", name_}, {"file", file_}}},
            {"events", events_},
            {"errors", errors_},
            {"droppedEvents", dropped_events_},
            {"droppedErrors", dropped_errors_},
            {"interruptions", interruptions_},
            {"falseInterruptions", false_interruptions_},
            {"processes", processes_},
            {"budgetUsd", budget_ == Money{} ? json() : json(to_text(budget_))},
            {"costUsd", to_text(ledger.total())},
            {"costLines", ledger.to_json()}};
}

void CallRecord::restore(const json& head) {
    if (!head.is_object()) return;
    events_ = list(head, "events", kMostEvents);
    errors_ = list(head, "errors", kMostErrors);
    dropped_events_ = number<int>(head, "droppedEvents");
    dropped_errors_ = number<int>(head, "droppedErrors");
    interruptions_ = number<int>(head, "interruptions");
    false_interruptions_ = number<int>(head, "falseInterruptions");
    processes_ = number<int>(head, "processes") + 1;
}

}  // namespace voicectl::agent
