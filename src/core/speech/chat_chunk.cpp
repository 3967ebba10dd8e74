#include "core/speech/chat_chunk.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using nlohmann::json;

/// The member if it is there and of that kind; servers send null where others send nothing.
const json* object_at(const json& value, const char* key) {
    const auto at = value.find(key);
    return at != value.end() && at->is_object() ? &*at : nullptr;
}

std::string text_at(const json& value, const char* key) {
    const auto at = value.find(key);
    return at != value.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t count_at(const json& value, const char* key) {
    const auto at = value.find(key);
    if (at == value.end() || !at->is_number()) return 0;
    return static_cast<std::int64_t>(std::clamp(at->get<double>(), 0.0, 1e9));
}

Usage usage_in(const json& value) {
    Usage usage;
    usage.input_tokens = count_at(value, "prompt_tokens");
    usage.output_tokens = count_at(value, "completion_tokens");
    if (const auto* details = object_at(value, "prompt_tokens_details"))
        usage.cached_tokens = std::min(count_at(*details, "cached_tokens"), usage.input_tokens);
    return usage;
}

std::string start_of_event(std::string_view text) {
    constexpr std::size_t kShown = 200;
    const auto cut = text.size() > kShown;
    return terminal_safe(valid_utf8(trim(text.substr(0, kShown)))) + (cut ? "…" : "");
}

}  // namespace

Result<ChatChunk> parse_chat_chunk(std::string_view text) {
    const auto value = json::parse(valid_utf8(text), nullptr, false);
    if (!value.is_object()) return fail(Errc::Protocol, "the server sent '{}' in place of JSON", start_of_event(text));
    ChatChunk chunk;
    if (const auto error = value.find("error"); error != value.end() && !error->is_null()) {
        chunk.error = parse_server_error(text);
        return chunk;
    }
    if (const auto* usage = object_at(value, "usage")) chunk.usage = usage_in(*usage);
    const auto choices = value.find("choices");
    if (choices == value.end() || !choices->is_array() || choices->empty() || !choices->front().is_object()) return chunk;
    const auto& choice = choices->front();
    const auto* delta = object_at(choice, "delta");
    if (!delta) delta = object_at(choice, "message");
    if (delta) chunk.text = text_at(*delta, "content");
    chunk.finished = !text_at(choice, "finish_reason").empty();
    return chunk;
}

std::string ThinkFilter::push(std::string_view text) {
    constexpr std::string_view kOpen = "<think>", kClose = "</think>";
    if (state_ == State::Speaking) return std::string(text);
    held_ += text;
    if (state_ == State::Start) {
        const auto begin = held_.find_first_not_of(" \n\t\r");
        if (begin == std::string::npos) return {};
        const auto seen = std::string_view(held_).substr(begin, kOpen.size());
        if (seen == kOpen) {
            state_ = State::Thinking;
            held_.erase(0, begin + kOpen.size());
        } else if (kOpen.starts_with(seen)) {
            return {};
        } else {
            state_ = State::Speaking;
            return std::exchange(held_, {});
        }
    }
    if (const auto end = held_.find(kClose); end != std::string::npos) {
        const auto answer = held_.find_first_not_of(" \n\t\r", end + kClose.size());
        auto said = answer == std::string::npos ? std::string() : held_.substr(answer);
        held_.clear();
        state_ = said.empty() ? State::Start : State::Speaking;  // more blanks may follow
        return said;
    }
    held_.erase(0, held_.size() - std::min(held_.size(), kClose.size() - 1));
    return {};
}

std::string ThinkFilter::finish() {
    return state_ == State::Start ? std::exchange(held_, {}) : std::string();
}

}  // namespace voicectl::speech
