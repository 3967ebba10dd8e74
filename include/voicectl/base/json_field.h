// Reading JSON that others wrote, where a field may be missing or of another kind. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace voicectl {

/// The text at `key` of an object; "" when there is none or it is no text.
template<class Json>
std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

}  // namespace voicectl
