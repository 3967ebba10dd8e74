// protojson of LiveKit's messages as voicectl prints them. Any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace google::protobuf {
class Message;
}

namespace voicectl::livekit {

/// camelCase names, every field present, arrays never null, 64-bit integers as numbers; secrets
/// (turnPassword, storage keys) masked unless secrets_shown() (base/redact.h). As an object ready to print.
nlohmann::ordered_json to_json(const google::protobuf::Message& message);

/// Masks the same secrets in JSON of any message, whichever way its names are written.
void mask_secrets(nlohmann::ordered_json& json);
/// An address to show: its login and its query as ***.
std::string without_secrets(const std::string& url);

}  // namespace voicectl::livekit
