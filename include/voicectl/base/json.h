// Reading and writing JSON that others wrote: fields may be missing or of another kind, text may be no UTF-8. Any thread.
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

/// `json` as text, on one line or with `indent`; what is no UTF-8 becomes U+FFFD, where dump() alone would throw.
template<class Json = nlohmann::json>
std::string json_text(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// A string as it is, anything else as JSON.
template<class Json>
std::string bare_text(const Json& value) {
    return value.is_string() ? value.template get<std::string>() : json_text(value);
}

}  // namespace voicectl
