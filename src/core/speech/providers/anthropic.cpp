// Anthropic's messages, streamed: POST /v1/messages, as in Anthropic's API reference of 2026.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/speech/chat_stream.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using nlohmann::json;

constexpr int kDeepestMessage = 32;

struct AnthropicSettings {
    Remote remote;
    std::string model, version;
    std::optional<double> temperature;
    int max_tokens = 1024;
    bool cache = true;
};

/// What an answer has used so far. Figures come with its start and with its end, where they replace those before.
class AnthropicUsage {
 public:
    void take(const json& usage) {
        replace(usage, "input_tokens", input_);
        replace(usage, "cache_read_input_tokens", read_);
        replace(usage, "cache_creation_input_tokens", written_);
        replace(usage, "output_tokens", output_);
    }
    /// `input_tokens` does not hold what went through the cache; ours holds all of it.
    Usage total() const {
        Usage out;
        out.input_tokens = input_ + read_ + written_;
        out.cached_tokens = read_;
        out.stored_tokens = written_;
        out.output_tokens = output_;
        return out;
    }

 private:
    static void replace(const json& usage, const char* key, std::int64_t& out) {
        const auto at = usage.find(key);
        if (at != usage.end() && at->is_number()) out = static_cast<std::int64_t>(std::clamp(at->get<double>(), 0.0, 1e9));
    }
    std::int64_t input_ = 0, read_ = 0, written_ = 0, output_ = 0;
};

const json& part_of(const json& value, const char* key) {
    static const json nothing = json::object();
    const auto at = value.find(key);
    return at != value.end() && at->is_object() ? *at : nothing;
}

class AnthropicReader final : public ChatReader {
 public:
    Result<ChatChunk> read(const std::string& data) override {
        const auto event = parse_object(valid_utf8(data), kDeepestMessage);
        if (!event) return fail(Errc::Protocol, "an event {}", event.error());
        const auto type = text_at(*event, "type");
        ChatChunk out;
        if (type == "message_start") take_usage(part_of(part_of(*event, "message"), "usage"), out);
        else if (type == "content_block_start") begin_block(*event, out);
        else if (type == "content_block_delta") take_delta(*event, out);
        else if (type == "message_delta") take_end(*event, out);
        else if (type == "error") out.error = parse_server_error(data);
        out.last = type == "message_stop";
        return out;  // ping, content_block_stop, and what is yet to be invented
    }

    Result<ChatChunk> read_whole(const std::string& body) override {
        const auto message = parse_object(valid_utf8(body), kDeepestMessage);
        if (!message) return fail(Errc::Protocol, "the answer {}", message.error());
        ChatChunk out;
        if (text_at(*message, "type") == "error") {
            out.error = parse_server_error(body);
            return out;
        }
        const auto content = message->find("content");
        if (content == message->end() || !content->is_array()) return fail(Errc::Protocol, "the answer has no content");
        int index = 0;
        for (const auto& block : *content) {
            if (!block.is_object()) continue;
            if (text_at(block, "type") == "text") out.text += text_at(block, "text");
            if (text_at(block, "type") == "tool_use") out.calls.push_back({index, text_at(block, "id"), text_at(block, "name"), json_text(part_of(block, "input"))});
            ++index;
        }
        take_usage(part_of(*message, "usage"), out);
        out.finished = true;
        return out;
    }

 private:
    static std::optional<int> index_of(const json& event) {
        const auto at = event.find("index");
        if (at == event.end() || !at->is_number_integer() || *at < 0 || *at > 1000) return std::nullopt;
        return at->get<int>();
    }

    void take_usage(const json& usage, ChatChunk& out) {
        if (usage.empty()) return;
        usage_.take(usage);
        out.usage = usage_.total();
    }

    void begin_block(const json& event, ChatChunk& out) {
        const auto& block = part_of(event, "content_block");
        if (text_at(block, "type") == "text") out.text = text_at(block, "text");
        if (text_at(block, "type") != "tool_use") return;
        const auto index = index_of(event);
        out.calls.push_back({index, text_at(block, "id"), text_at(block, "name"), {}});
        // Its input is empty here, and comes in pieces; whoever imitates the protocol may send it whole.
        if (const auto& input = part_of(block, "input"); !input.empty()) out.calls.back().arguments = json_text(input);
    }

    void take_delta(const json& event, ChatChunk& out) {
        const auto& delta = part_of(event, "delta");
        if (text_at(delta, "type") == "text_delta") out.text = text_at(delta, "text");
        if (text_at(delta, "type") == "input_json_delta") out.calls.push_back({index_of(event), {}, {}, text_at(delta, "partial_json")});
    }

    void take_end(const json& event, ChatChunk& out) {
        take_usage(part_of(event, "usage"), out);
        const auto reason = text_at(part_of(event, "delta"), "stop_reason");
        out.finished = !reason.empty();  // a refusal is an end, too: with the words that came before, or with none
    }

    AnthropicUsage usage_;
};

/// Their roles take turns, and what tools gave is the user's: messages of one side are put together.
class AnthropicMessages {
 public:
    void add(const ChatMessage& message) {
        using Role = ChatMessage::Role;
        if (message.role == Role::System) {
            system += (system.empty() ? "" : "\n\n") + valid_utf8(message.text);
        } else if (message.role == Role::Assistant) {
            put("assistant", text(message.text));
            for (const auto& call : message.calls) put("assistant", {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", arguments(call)}});
        } else if (message.role == Role::Tool) {
            json block{{"type", "tool_result"}, {"tool_use_id", message.call_id}, {"content", valid_utf8(message.text)}};
            if (message.failed) block["is_error"] = true;
            put("user", std::move(block));
        } else {
            put("user", text(message.text));
        }
    }
    /// The first message has to be the user's, and there has to be one.
    json take() {
        if (list_.empty() || list_.front()["role"] != "user") list_.insert(list_.begin(), json{{"role", "user"}, {"content", json::array({text("(The call begins.)")})}});
        return std::move(list_);
    }
    std::string system;

 private:
    static json text(const std::string& text) { return {{"type", "text"}, {"text", valid_utf8(text)}}; }
    static json arguments(const ToolCall& call) { return parse_object(call.arguments, kDeepestMessage).value_or(json::object()); }
    void put(const char* role, json block) {
        if (block["type"] == "text" && trim(block["text"].get_ref<const std::string&>()).empty()) return;  // is refused
        if (list_.empty() || list_.back()["role"] != role) list_.push_back({{"role", role}, {"content", json::array()}});
        list_.back()["content"].push_back(std::move(block));
    }
    json list_ = json::array();
};

class AnthropicDialect final : public ChatDialect {
 public:
    explicit AnthropicDialect(AnthropicSettings settings) : settings_(std::move(settings)) {}
    const Remote& remote() const override { return settings_.remote; }

    net::HttpRequest request(const Chat& chat) const override {
        auto out = authorised("/v1/messages");
        add_header(out, "Content-Type", "application/json");
        add_header(out, "Accept", "text/event-stream");
        out.body = json_text(body(chat));
        return out;
    }
    net::HttpRequest warm_up() const override {
        auto out = authorised("/v1/models");
        out.method = "GET";
        return out;
    }
    std::unique_ptr<ChatReader> reader() const override { return std::make_unique<AnthropicReader>(); }

 private:
    net::HttpRequest authorised(const std::string& path) const {
        auto out = request_to(settings_.remote, path);
        if (!settings_.remote.key.empty()) add_header(out, "x-api-key", settings_.remote.key);
        add_header(out, "anthropic-version", settings_.version);
        return out;
    }

    json body(const Chat& chat) const {
        AnthropicMessages messages;
        for (const auto& message : chat.messages) messages.add(message);
        json out{{"model", settings_.model}, {"max_tokens", settings_.max_tokens}, {"stream", true}, {"messages", messages.take()}};
        if (settings_.temperature) out["temperature"] = *settings_.temperature;
        for (const auto& tool : chat.tools) out["tools"].push_back({{"name", tool.name}, {"description", tool.description}, {"input_schema", schema_of(tool)}});
        if (!chat.tools.empty() && !chat.may_call) out["tool_choice"] = {{"type", "none"}};
        if (!messages.system.empty()) out["system"] = json::array({{{"type", "text"}, {"text", messages.system}}});
        // What comes before the mark is kept: the tools and the instructions, which are the same in every turn.
        if (settings_.cache && out.contains("system")) out["system"].back()["cache_control"] = {{"type", "ephemeral"}};
        else if (settings_.cache && out.contains("tools")) out["tools"].back()["cache_control"] = {{"type", "ephemeral"}};
        return out;
    }

    AnthropicSettings settings_;
};

Built<LanguageModel> build_anthropic(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    AnthropicSettings settings;
    settings.model = read_model(reader);
    settings.remote = read_remote(reader, context, {.provider = "anthropic", .base = "https://api.anthropic.com", .key_variable = "ANTHROPIC_API_KEY"});
    expect_http(reader, settings.remote);
    settings.version = reader.text("version", "2023-06-01");
    settings.temperature = reader.number("temperature", 0, 1);
    settings.max_tokens = reader.integer("max_tokens", 1024, 1, 1'000'000);
    settings.cache = reader.flag("cache", true);
    const auto printable = [](char c) { return c > 0x20 && c < 0x7F; };
    if (settings.version.empty() || !std::all_of(settings.version.begin(), settings.version.end(), printable)) reader.fault("version", "is no version", "for example 2023-06-01");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    return chat_model(context.http, std::make_shared<const AnthropicDialect>(std::move(settings)));
}

}  // namespace

const Provider<LanguageModel> kAnthropic{"anthropic", "messages of Anthropic", &build_anthropic};

}  // namespace voicectl::speech
