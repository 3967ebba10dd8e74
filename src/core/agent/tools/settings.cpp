// The keys `tools` and `mcp` of an agent's file.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/agent/tools/built_in.h"
#include "core/agent/tools/http_tool.h"
#include "core/agent/tools/server_request.h"
#include "voicectl/base/json.h"
#include "voicectl/base/json_schema.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 5> kMethods{"GET", "POST", "PUT", "PATCH", "DELETE"};
constexpr milliseconds kShortestTool{100}, kLongestTool{60'000};
constexpr std::size_t kMostListed = 64, kLeastResult = 256, kMostResult = 256 * 1024;
constexpr const char* kTransferExample = "for example  - transfer: {to: {sales: \"tel:+49301234\", desk: \"sip:desk@example.com\"}}";
constexpr const char* kHttpExample = "for example  {name: opening_hours, description: When we are open, url: \"https://example.com/hours?day={day}\"}";

/// One mapping of a list, whose keys are asked for one by one.
class ToolReader {
 public:
    ToolReader(const json& object, std::string path, const TellToolFault& tell) : object_(object), path_(std::move(path)), tell_(tell) {}

    const json* raw(const char* key) {
        known_.emplace_back(key);
        const auto found = object_.find(key);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }
    std::string text(const char* key, bool required = false) {
        const auto* value = raw(key);
        if (value == nullptr || value->is_structured()) {
            if (value != nullptr) fault(key, "must be text");
            else if (required) fault(key, "is missing", kHttpExample);
            return {};
        }
        if (required && trim(bare_text(*value)).empty()) fault(key, "must not be empty");
        return bare_text(*value);
    }
    std::vector<std::string> texts(const char* key) {
        std::vector<std::string> out;
        const auto* value = raw(key);
        if (value == nullptr) return out;
        if (!value->is_array() || std::any_of(value->begin(), value->end(), [](const json& one) { return one.is_structured(); })) fault(key, "must be a list of texts");
        else
            for (const auto& one : *value) out.push_back(bare_text(one));
        return out;
    }
    bool flag(const char* key) {
        const auto* value = raw(key);
        if (value != nullptr && !value->is_boolean()) fault(key, "must be true or false");
        return value != nullptr && *value == true;
    }
    void duration(const char* key, milliseconds& out) {
        const auto* value = raw(key);
        if (value == nullptr) return;
        const auto parsed = parse_duration(bare_text(*value));
        if (!parsed) fault(key, parsed.error().message, parsed.error().hint);
        else if (*parsed < kShortestTool || *parsed > kLongestTool) fault(key, fmt::format("must be between {} and {}", format_duration(kShortestTool), format_duration(kLongestTool)));
        else out = *parsed;
    }
    void size(const char* key, std::size_t& out) {
        const auto* value = raw(key);
        if (value == nullptr) return;
        if (!value->is_number_integer() || *value < kLeastResult || *value > kMostResult) fault(key, fmt::format("must be a number of bytes from {} to {}", kLeastResult, kMostResult));
        else out = value->get<std::size_t>();
    }
    void fault(const std::string& key, std::string message, std::string hint = {}) { tell_(path_ + "." + key, std::move(message), std::move(hint)); }
    void finish() {
        for (const auto& [key, value] : object_.items())
            if (std::find(known_.begin(), known_.end(), key) == known_.end()) fault(key, "unknown key", fmt::format("known here: {}", fmt::join(known_, ", ")));
    }

 private:
    const json& object_;
    std::string path_;
    const TellToolFault& tell_;
    std::vector<std::string> known_;
};

/// As models and their servers take it.
bool is_tool_name(std::string_view name) {
    constexpr std::string_view kGood = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return !name.empty() && name.size() <= 64 && name.find_first_not_of(kGood) == std::string_view::npos;
}

void read_tool_headers(ToolReader& reader, net::Headers& out) {
    const auto* headers = reader.raw("headers");
    if (headers == nullptr) return;
    if (!headers->is_object()) return reader.fault("headers", "must be a mapping of names to values");
    for (const auto& [name, value] : headers->items()) {
        const auto key = "headers." + name;
        const auto text = value.is_structured() || value.is_null() ? std::string() : bare_text(value);
        if (!is_tool_name(name)) reader.fault(key, "is no name of a header");
        else if (text.empty() || terminal_safe(text) != text) reader.fault(key, "must be printable text", "a secret stands in the environment: write $NAME");
        else out.emplace_back(name, text);
    }
}

void read_server(ToolReader& reader, ToolServer& out) {
    out.url = reader.text("url", /*required=*/true);
    read_tool_headers(reader, out.headers);
    out.allowed_hosts = reader.texts("allowed_hosts");
    out.allow_private = reader.flag("allow_private");
    reader.duration("timeout", out.timeout);
    reader.size("max_result", out.max_result);
}

/// Where a template has its arguments may not decide about more than it seems to.
void check_template(ToolReader& reader, HttpToolSettings& tool) {
    auto& server = tool.server;
    if (server.url.empty()) return;
    const auto scheme_end = server.url.find("://");
    const auto host_begin = scheme_end == std::string::npos ? 0 : scheme_end + 3;
    const auto host = server.url.substr(host_begin, server.url.find_first_of("/?#", host_begin) - host_begin);
    const bool open_host = host.find('{') != std::string::npos;
    if (server.url.substr(0, host_begin).find('{') != std::string::npos) return reader.fault("url", "must begin with https:// or http://");
    if (open_host && server.allowed_hosts.empty()) return reader.fault("url", "takes its host from an argument", "name those that it may be under allowed_hosts");
    std::set<std::string> declared;
    if (const auto properties = tool.parameters.find("properties"); properties != tool.parameters.end() && properties->is_object())
        for (const auto& [name, rule] : properties->items()) declared.insert(name);
    auto example = tool;
    json arguments = json::object();
    for (const auto& name : placeholders_in(server.url)) {
        if (!declared.contains(name)) reader.fault("url", fmt::format("names {{{}}}, which is no parameter", name), "declare it under parameters.properties");
        arguments[name] = "x";
    }
    example.server.allowed_hosts.clear();
    if (const auto request = request_for(example, arguments); !request) return reader.fault("url", request.error().message);
    else if (const auto url = net::parse_url(request->url); url->scheme != "https" && url->scheme != "http") reader.fault("url", "must be an http or https URL");
    else if (!open_host && !is_allowed_host(url->host, server.allowed_hosts)) reader.fault("url", fmt::format("its host {} is not among allowed_hosts", url->host));
}

/// {transfer: {to: {sales: "tel:+49301234"}}}
std::map<std::string, std::string> read_transfer(const json& value, const std::string& path, const TellToolFault& tell) {
    std::map<std::string, std::string> out;
    if (!value.is_object()) {
        tell(path, "must say to whom", kTransferExample);
        return out;
    }
    ToolReader reader(value, path, tell);
    const auto* to = reader.raw("to");
    reader.finish();
    if (to == nullptr || !to->is_object() || to->empty() || to->size() > kMostListed) {
        reader.fault("to", to == nullptr ? "is missing" : fmt::format("must be a mapping of 1 to {} names to addresses", kMostListed), kTransferExample);
        return out;
    }
    for (const auto& [name, address] : to->items()) {
        const auto text = address.is_structured() ? std::string() : bare_text(address);
        if (!is_tool_name(name)) reader.fault("to." + name, "its name must be letters, digits, _ and -, at most 64");
        else if (!is_transfer_address(text)) reader.fault("to." + name, "must be tel: and a number, or sip: and an address", kTransferExample);
        else out.emplace(name, text);
    }
    return out;
}

HttpToolSettings read_http_tool(const json& value, const std::string& path, const TellToolFault& tell) {
    ToolReader reader(value, path, tell);
    HttpToolSettings out;
    out.server.key = path;
    out.name = reader.text("name", /*required=*/true);
    if (!out.name.empty() && !is_tool_name(out.name)) reader.fault("name", "must be letters, digits, _ and -, at most 64");
    out.description = reader.text("description", /*required=*/true);
    if (const auto method = reader.text("method"); !method.empty()) out.method = method;
    if (std::find(kMethods.begin(), kMethods.end(), out.method) == kMethods.end()) reader.fault("method", fmt::format("must be one of {}", fmt::join(kMethods, ", ")));
    const auto* parameters = reader.raw("parameters");
    out.parameters = parameters != nullptr ? *parameters : json{{"type", "object"}, {"properties", json::object()}};
    const auto schema = JsonSchema::create(out.parameters);
    if (!schema) reader.fault("parameters", schema.error(), "for example  {type: object, properties: {day: {type: string}}, required: [day]}");
    read_server(reader, out.server);
    if (schema) check_template(reader, out);
    reader.finish();
    return out;
}

McpSettings read_mcp(const json& value, const std::string& path, const TellToolFault& tell) {
    ToolReader reader(value, path, tell);
    McpSettings out;
    out.server.key = path;
    read_server(reader, out.server);
    out.tools = reader.texts("tools");
    const auto url = net::parse_url(out.server.url);
    if (!out.server.url.empty() && (!url || !url->scheme.starts_with("http"))) reader.fault("url", "must be an http or https URL");
    else if (url && !is_allowed_host(url->host, out.server.allowed_hosts)) reader.fault("url", fmt::format("its host {} is not among allowed_hosts", url->host));
    reader.finish();
    return out;
}

/// Each entry of a list, with its path; false: it is no list.
template<class Read>
void each_entry(const json* list, const std::string& key, const TellToolFault& tell, Read read) {
    if (list == nullptr) return;
    if (!list->is_array()) return tell(key, "must be a list", key == "tools" ? kHttpExample : "for example  mcp: [{url: \"https://example.com/mcp\"}]");
    if (list->size() > kMostListed) return tell(key, fmt::format("has more than {} entries", kMostListed), "");
    for (std::size_t i = 0; i < list->size(); ++i) read((*list)[i], fmt::format("{}[{}]", key, i));
}

}  // namespace

ToolSettings read_tools(const json* tools, const json* mcp, const TellToolFault& fault) {
    ToolSettings out;
    std::set<std::string> names;
    const auto unique = [&](const std::string& name, const std::string& path) {
        if (!name.empty() && !names.insert(name).second) fault(path, fmt::format("there are two tools named {}", name), "");
    };
    each_entry(tools, "tools", fault, [&](const json& entry, const std::string& path) {
        if (entry.is_object() && entry.size() == 1 && entry.contains("transfer")) {
            auto to = read_transfer(entry["transfer"], path + ".transfer", fault);
            out.transfer_to.merge(to);
            return unique("transfer", path + ".transfer");
        }
        if (entry.is_object()) {
            out.http.push_back(read_http_tool(entry, path, fault));
            return unique(out.http.back().name, path + ".name");
        }
        const auto name = entry.is_string() ? entry.get<std::string>() : std::string();
        if (name == "transfer") return fault(path, "does not say to whom calls may be transferred", kTransferExample);
        if (std::find(kBuiltInTools.begin(), kBuiltInTools.end(), name) == kBuiltInTools.end())
            return fault(path, "is no tool", fmt::format("one of {}, transfer with its addresses, or a mapping, {}", fmt::join(kBuiltInTools, ", "), kHttpExample));
        out.built_in.push_back(name);
        unique(name, path);
    });
    each_entry(mcp, "mcp", fault, [&](const json& entry, const std::string& path) {
        if (entry.is_object()) out.mcp.push_back(read_mcp(entry, path, fault));
        else fault(path, "must be a mapping", "for example  {url: \"https://example.com/mcp\"}");
    });
    return out;
}

}  // namespace voicectl::agent
