#include "voice_protocol.h"

#include <map>
#include <memory>

#include "voicectl/base/json.h"
#include "voicectl/base/json_schema.h"
#include "voicectl/base/text.h"

namespace voicectl::serve::voice {
namespace {

using Json = nlohmann::json;

constexpr int kDeepestMessage = 10;
constexpr std::size_t kLongestUserInRoom = 64;

// Strict: a name that is spelled wrong would otherwise do nothing, and nobody would know.
constexpr const char* kClientSchemas = R"({
  "start": {
    "type": "object", "additionalProperties": false, "required": ["type"],
    "properties": {
      "type": {"const": "start"},
      "metadata": {"type": "object"},
      "language": {"type": "string", "minLength": 1, "maxLength": 64}
    }
  },
  "resume": {
    "type": "object", "additionalProperties": false, "required": ["type", "callId", "token"],
    "properties": {
      "type": {"const": "resume"},
      "callId": {"type": "string", "minLength": 1, "maxLength": 64},
      "token": {"type": "string", "minLength": 1, "maxLength": 128},
      "received": {"type": "integer", "minimum": 0}
    }
  },
  "text": {
    "type": "object", "additionalProperties": false, "required": ["type", "text"],
    "properties": {"type": {"const": "text"}, "text": {"type": "string", "minLength": 1, "maxLength": 4000}}
  },
  "dtmf": {
    "type": "object", "additionalProperties": false, "required": ["type", "key"],
    "properties": {"type": {"const": "dtmf"}, "key": {"enum": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]}}
  },
  "end": {"type": "object", "additionalProperties": false, "required": ["type"], "properties": {"type": {"const": "end"}}},
  "ping": {
    "type": "object", "additionalProperties": false, "required": ["type"],
    "properties": {"type": {"const": "ping"}, "id": {"type": "integer", "minimum": 0, "maximum": 9007199254740991}}
  }
})";

const JsonSchema* schema_of(const std::string& type) {
    static const auto schemas = [] {
        std::map<std::string, std::unique_ptr<JsonSchema>> out;
        for (const auto& [name, schema] : client_schemas().items())
            if (auto made = JsonSchema::create(schema)) out.emplace(name, std::move(*made));
        return out;
    }();
    const auto found = schemas.find(type);
    return found == schemas.end() ? nullptr : found->second.get();
}

Start to_start(const Json& message) {
    Start out;
    if (const auto metadata = message.find("metadata"); metadata != message.end()) out.metadata = *metadata;
    if (const auto language = message.find("language"); language != message.end()) out.metadata["language"] = *language;
    return out;
}

Resume to_resume(const Json& message) {
    Resume out{text_at(message, "callId"), text_at(message, "token"), {}};
    if (const auto received = message.find("received"); received != message.end() && received->is_number_unsigned()) out.received = received->get<std::uint64_t>();
    return out;
}

Ping to_ping(const Json& message) {
    const auto id = message.find("id");
    return {id != message.end() && id->is_number_integer() ? std::optional(id->get<std::int64_t>()) : std::nullopt};
}

}  // namespace

const Json& client_schemas() {
    static const auto schemas = Json::parse(kClientSchemas);
    return schemas;
}

std::expected<ClientMessage, std::string> parse_client_message(std::string_view text) {
    const auto message = parse_object(text, kDeepestMessage);
    if (!message) return std::unexpected("the message " + message.error());
    const auto type = text_at(*message, "type");
    if (type.empty()) return std::unexpected("the message has no type");
    const auto* schema = schema_of(type);
    if (schema == nullptr) return std::unexpected(fmt::format("there is no message of type '{}'", plain_text(type, 40)));
    if (const auto fault = schema->fault_in(*message); !fault.empty()) return std::unexpected(type + ": " + fault);
    if (type == "start") return to_start(*message);
    if (type == "resume") return to_resume(*message);
    if (type == "text") return Text{text_at(*message, "text")};
    if (type == "dtmf") return Key{text_at(*message, "key").front()};
    if (type == "end") return End{};
    return to_ping(*message);
}

std::vector<std::string> offered_protocols(std::string_view header) {
    std::vector<std::string> out;
    for (const auto& part : split(header, ','))
        if (const auto name = trim(part); !name.empty()) out.emplace_back(name);
    return out;
}

std::string room_name(const std::string& user, const std::string& call_id) {
    std::string plain;
    for (const char c : std::string_view(user).substr(0, kLongestUserInRoom)) {
        const bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
        plain += kept ? c : '-';
    }
    return fmt::format("voice_{}_{}", plain.empty() ? "nobody" : plain, call_id);
}

}  // namespace voicectl::serve::voice
