// Reading and writing JSON that others wrote: fields may be missing or of another kind, text may be no UTF-8. Any thread.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace voicectl {

/// The text at `key` of an object; "" when there is none or it is no text.
template<class Json>
std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

/// An object in text that is not trusted: nothing deeper than `deepest` is built, let alone walked. Otherwise why not, as the rest
/// of a sentence: "is nested too deeply", "is no JSON", "is JSON, but no object".
std::expected<nlohmann::json, std::string> parse_object(std::string_view text, int deepest);
/// The same for what other programs judge, too, and must not read otherwise than we do: a name that an object has twice
/// ("says something twice") and bytes after a NUL ("is no JSON") refuse it.
std::expected<nlohmann::json, std::string> parse_unambiguous_object(std::string_view text, int deepest);

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
