// What clients of `GET /v1/voice` say: JSON texts, held to a schema for each type (docs/voice.md). Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace voicectl::serve::voice {

inline constexpr const char* kProtocol = "voicectl.v1";

struct Start {
    nlohmann::json metadata = nlohmann::json::object();
};
struct Resume {
    std::string call_id, token;
    std::optional<std::uint64_t> received;  // samples
};
struct Text {
    std::string text;
};
struct Key {
    char key = 0;
};
struct End {};
struct Ping {
    std::optional<std::int64_t> id;
};
using ClientMessage = std::variant<Start, Resume, Text, Key, End, Ping>;

/// Or what is wrong with it, for the client.
std::expected<ClientMessage, std::string> parse_client_message(std::string_view text);

/// JSON schema of what clients send, by type.
const nlohmann::json& client_schemas();

/// The subprotocols that a request offers, one by one.
std::vector<std::string> offered_protocols(std::string_view header);

/// The name a call is stored under: "voice_ann_V7d…"; of the user what rooms may be called.
std::string room_name(const std::string& user, const std::string& call_id);

}  // namespace voicectl::serve::voice
