// Chat completions of OpenAI and of everything that speaks the same protocol (vLLM, Ollama, llama.cpp, LiteLLM, …),
// streamed: POST /chat/completions, as in OpenAI's API reference of 2026.
#include <nlohmann/json.hpp>

#include "core/speech/chat_stream.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

struct OpenAiSettings {
    Remote remote;
    std::string model;
    std::optional<double> temperature;
    std::optional<int> max_tokens;
};

std::string_view role_name(ChatMessage::Role role) {
    switch (role) {
        case ChatMessage::Role::System: return "system";
        case ChatMessage::Role::User: return "user";
        case ChatMessage::Role::Assistant: return "assistant";
        case ChatMessage::Role::Tool: return "tool";
    }
    return "user";
}

nlohmann::json openai_message(const ChatMessage& message) {
    nlohmann::json out{{"role", role_name(message.role)}, {"content", valid_utf8(message.text)}};
    if (message.role == ChatMessage::Role::Tool) out["tool_call_id"] = message.call_id;
    if (message.calls.empty()) return out;
    if (message.text.empty()) out["content"] = nullptr;
    for (const auto& call : message.calls)
        out["tool_calls"].push_back({{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    return out;
}

class OpenAiReader final : public ChatReader {
 public:
    Result<ChatChunk> read(const std::string& data) override {
        if (trim(data) != "[DONE]") return parse_chat_chunk(data);
        ChatChunk end;
        end.last = true;
        return end;
    }
    Result<ChatChunk> read_whole(const std::string& body) override { return parse_chat_chunk(body); }
};

class OpenAiDialect final : public ChatDialect {
 public:
    explicit OpenAiDialect(OpenAiSettings settings) : settings_(std::move(settings)) {}
    const Remote& remote() const override { return settings_.remote; }

    net::HttpRequest request(const Chat& chat) const override {
        auto out = authorised("/chat/completions");
        add_header(out, "Content-Type", "application/json");
        add_header(out, "Accept", "text/event-stream");
        out.body = body(chat);
        return out;
    }
    net::HttpRequest warm_up() const override {
        auto out = authorised("/models");
        out.method = "GET";
        return out;
    }
    std::unique_ptr<ChatReader> reader() const override { return std::make_unique<OpenAiReader>(); }

 private:
    net::HttpRequest authorised(const std::string& path) const {
        auto out = request_to(settings_.remote, path);
        if (!settings_.remote.key.empty()) add_header(out, "Authorization", "Bearer " + settings_.remote.key);
        return out;
    }

    std::string body(const Chat& chat) const {
        nlohmann::json out{{"model", settings_.model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}};
        auto& list = out["messages"] = nlohmann::json::array();
        for (const auto& message : chat.messages) list.push_back(openai_message(message));
        for (const auto& tool : chat.tools)
            out["tools"].push_back({{"type", "function"}, {"function", {{"name", tool.name}, {"description", tool.description}, {"parameters", schema_of(tool)}}}});
        if (!chat.tools.empty() && !chat.may_call) out["tool_choice"] = "none";
        if (settings_.temperature) out["temperature"] = *settings_.temperature;
        if (settings_.max_tokens) out["max_tokens"] = *settings_.max_tokens;
        return json_text(out);
    }

    OpenAiSettings settings_;
};

Built<LanguageModel> build_openai(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    OpenAiSettings settings;
    settings.model = read_model(reader);
    settings.remote = read_remote(reader, context, {.provider = "openai", .base = "https://api.openai.com/v1", .key_variable = "OPENAI_API_KEY"});
    expect_http(reader, settings.remote);
    settings.temperature = reader.number("temperature", 0, 2);
    settings.max_tokens = reader.integer("max_tokens", 1, 1'000'000);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    return chat_model(context.http, std::make_shared<const OpenAiDialect>(std::move(settings)));
}

}  // namespace

const Provider<LanguageModel> kOpenAi{"openai", "chat completions of OpenAI and compatible servers", &build_openai};

}  // namespace voicectl::speech
