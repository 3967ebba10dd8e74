#include "core/speech/chat_chunk.h"

#include <algorithm>
#include <utility>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using nlohmann::json;

constexpr int kDeepestEvent = 32;
constexpr std::size_t kMostCalls = 64, kMostCallBytes = 256 * 1024;

/// The member if it is there and of that kind; servers send null where others send nothing.
const json* object_at(const json& value, const char* key) {
    const auto at = value.find(key);
    return at != value.end() && at->is_object() ? &*at : nullptr;
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

// OpenAI's form; Ollama and others leave out the index or write the arguments as an object.
ToolCallPiece piece_in(const json& value) {
    ToolCallPiece piece;
    if (const auto index = value.find("index"); index != value.end() && index->is_number_integer()) {
        const auto number = index->get<std::int64_t>();
        if (number >= 0 && number < 1000) piece.index = static_cast<int>(number);
    }
    piece.id = text_at(value, "id");
    const auto* function = object_at(value, "function");
    if (!function) return piece;
    piece.name = text_at(*function, "name");
    const auto arguments = function->find("arguments");
    if (arguments != function->end() && !arguments->is_null()) piece.arguments = bare_text(*arguments);
    return piece;
}

std::string start_of_event(std::string_view text) {
    constexpr std::size_t kShown = 200;
    const auto cut = text.size() > kShown;
    return terminal_safe(valid_utf8(trim(text.substr(0, kShown)))) + (cut ? "…" : "");
}

}  // namespace

Result<ChatChunk> parse_chat_chunk(std::string_view text) {
    const auto parsed = parse_object(valid_utf8(text), kDeepestEvent);
    if (!parsed) return fail(Errc::Protocol, "the server sent '{}' in place of JSON", start_of_event(text));
    const auto& value = *parsed;
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
    if (delta) {
        chunk.text = text_at(*delta, "content");
        if (const auto calls = delta->find("tool_calls"); calls != delta->end() && calls->is_array())
            for (const auto& call : *calls)
                if (call.is_object()) chunk.calls.push_back(piece_in(call));
    }
    chunk.finished = !text_at(choice, "finish_reason").empty();
    return chunk;
}

ToolCallGatherer::Open* ToolCallGatherer::find(const ToolCallPiece& piece) {
    // Another id under the same index is another call; without an index the id decides, and a piece with neither, and
    // without a name, belongs to the last one.
    for (auto& open : calls_) {
        if (piece.index ? open.index == piece.index : !piece.id.empty() && open.call.id == piece.id)
            if (piece.id.empty() || open.call.id.empty() || open.call.id == piece.id) return &open;
    }
    const bool begins = piece.index || !piece.id.empty() || !piece.name.empty();
    return begins || calls_.empty() ? nullptr : &calls_.back();
}

Result<void> ToolCallGatherer::add(const ToolCallPiece& piece) {
    auto* open = find(piece);
    if (open == nullptr) {
        if (calls_.size() == kMostCalls) return fail(Errc::Protocol, "the model calls more than {} tools at once", kMostCalls);
        calls_.push_back({piece.index, {}});
        open = &calls_.back();
    }
    bytes_ += piece.id.size() + piece.name.size() + piece.arguments.size();
    if (bytes_ > kMostCallBytes) return fail(Errc::Protocol, "the model's tool calls are longer than {} bytes", kMostCallBytes);
    if (open->call.id.empty()) open->call.id = piece.id;
    if (open->call.name.empty()) open->call.name = piece.name;
    open->call.arguments += piece.arguments;
    return {};
}

std::vector<ToolCall> ToolCallGatherer::take() {
    std::vector<ToolCall> out;
    for (auto& open : calls_) {
        auto call = std::move(open.call);
        if (call.name.empty()) continue;
        if (trim(call.arguments).empty()) call.arguments = "{}";
        const auto same = std::find_if(out.begin(), out.end(), [&](const ToolCall& other) { return !call.id.empty() && other.id == call.id; });
        if (same != out.end() && same->name == call.name && same->arguments == call.arguments) continue;
        if (call.id.empty() || same != out.end()) call.id = "call_" + random_id(12);
        out.push_back(std::move(call));
    }
    calls_.clear();
    bytes_ = 0;
    return out;
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
