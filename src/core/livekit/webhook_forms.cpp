#include "webhook_forms.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "livekit_webhook.pb.h"
#include "voicectl/base/json.h"

namespace voicectl::livekit {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kLargestTried = 1024 * 1024;
constexpr int kDeepestTried = 64;  // dump() and ours recurse; events are about six deep

struct Spacing {
    std::string_view after_comma, after_colon;
};

// protojson (which of the two differs from build to build of the server), Python's json.dumps.
constexpr std::array<Spacing, 3> kSpacings{Spacing{"", ""}, Spacing{" ", ""}, Spacing{" ", " "}};

void write_form(const OrderedJson& json, const Spacing& spacing, bool ascii, std::string& out);

void write_members(const OrderedJson& json, const Spacing& spacing, bool ascii, std::string& out) {
    bool first = true;
    for (const auto& [name, value] : json.items()) {
        if (!first) out.append(",").append(spacing.after_comma);
        first = false;
        if (json.is_object()) out.append(OrderedJson(name).dump(-1, ' ', ascii)).append(":").append(spacing.after_colon);
        write_form(value, spacing, ascii, out);
    }
}

void write_form(const OrderedJson& json, const Spacing& spacing, bool ascii, std::string& out) {
    if (!json.is_structured()) {
        out += json.dump(-1, ' ', ascii);
        return;
    }
    out += json.is_object() ? '{' : '[';
    write_members(json, spacing, ascii, out);
    out += json.is_object() ? '}' : ']';
}

// Go's encoding/json writes these so, LiveKit's protojson does not.
std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<') out += "\\u003c";
        else if (c == '>') out += "\\u003e";
        else if (c == '&') out += "\\u0026";
        else out += c;
    }
    return out;
}

OrderedJson sorted(const OrderedJson& json) {
    if (json.is_array()) {
        OrderedJson out = OrderedJson::array();
        for (const auto& item : json) out.push_back(sorted(item));
        return out;
    }
    if (!json.is_object()) return json;
    std::map<std::string, const OrderedJson*> by_name;
    for (const auto& [name, value] : json.items()) by_name[name] = &value;
    OrderedJson out = OrderedJson::object();
    for (const auto& [name, value] : by_name) out[name] = sorted(*value);
    return out;
}

// Empty values are left out by protojson; who re-encodes from a message with defaults puts them there.
OrderedJson without_defaults(const OrderedJson& json) {
    if (json.is_array()) {
        OrderedJson out = OrderedJson::array();
        for (const auto& item : json) out.push_back(without_defaults(item));
        return out;
    }
    if (!json.is_object()) return json;
    OrderedJson out = OrderedJson::object();
    for (const auto& [name, value] : json.items()) {
        const bool empty = value.is_null() || value == false || value == 0 || value == "" || value == "0" || (value.is_array() && value.empty());
        if (!empty) out[name] = without_defaults(value);
    }
    return out;
}

using google::protobuf::Descriptor;

OrderedJson declared(const OrderedJson& json, const Descriptor* message) {
    if (json.is_array()) {
        OrderedJson out = OrderedJson::array();
        for (const auto& item : json) out.push_back(declared(item, message));
        return out;
    }
    if (!json.is_object() || message == nullptr || message->options().map_entry()) return json;
    OrderedJson out = OrderedJson::object();
    for (int i = 0; i < message->field_count(); ++i) {
        const auto& field = *message->field(i);
        if (const auto found = json.find(field.json_name()); found != json.end()) out[field.json_name()] = declared(*found, field.message_type());
    }
    for (const auto& [name, value] : json.items())
        if (!out.contains(name)) out[name] = value;
    return out;
}

OrderedJson declared(const OrderedJson& event) { return declared(event, ::livekit::WebhookEvent::descriptor()); }

using Found = std::function<bool(std::string_view form)>;

bool with_ends(const std::string& text, const Found& found) { return found(text) || found(text + "\n") || found(text + "\r\n"); }

bool any_spelling(const OrderedJson& json, const Found& found) {
    for (const auto& spacing : kSpacings) {
        for (const bool ascii : {false, true}) {
            std::string text;
            write_form(json, spacing, ascii, text);
            if (with_ends(text, found) || with_ends(html_escaped(text), found)) return true;
        }
    }
    return with_ends(json.dump(2), found) || with_ends(json.dump(4), found);
}

// The JSON library takes a byte-order mark, ends at a zero byte, and throws when it writes what is no UTF-8.
std::optional<OrderedJson> parse_event(std::string_view body) {
    if (body.size() > kLargestTried || body.find('\0') != std::string_view::npos || !parse_object(body, kDeepestTried)) return std::nullopt;
    auto json = OrderedJson::parse(body, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    return json;
}

}  // namespace

bool any_form(std::string_view body, const Found& found) {
    const auto json = parse_event(body);
    if (!json) return false;
    return any_spelling(*json, found) || any_spelling(sorted(*json), found) || any_spelling(declared(*json), found) ||
           any_spelling(declared(without_defaults(*json)), found);
}

std::string in_declared_order(std::string_view body) { return json_text(declared(OrderedJson::parse(body, nullptr, false))); }

}  // namespace voicectl::livekit
