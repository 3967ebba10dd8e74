// The functions that an agent's model may call: as its file names them (docs/tools.md), and as calls use them.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "voicectl/net/http.h"
#include "voicectl/speech/providers.h"

namespace voicectl::agent {

inline constexpr std::size_t kToolResultBytes = 8 * 1024;

/// Where a tool's requests may go, and with what.
struct ToolServer {
    std::string key;                          // where it stands in the file: "tools[1]"
    std::string url;                          // of HTTP tools a template: {argument} is percent-encoded
    net::Headers headers;                     // a value like $NAME stands for that variable
    std::vector<std::string> allowed_hosts;   // empty: the one of the URL; "*.example.com" is any below it
    bool allow_private = false;               // addresses of private networks, this machine and its link
    std::chrono::milliseconds timeout{10000};
    std::size_t max_result = kToolResultBytes;  // bytes of the answer that the model is told
};

struct HttpToolSettings {
    std::string name, description;
    std::string method = "GET";
    nlohmann::json parameters;  // JSON schema of the arguments
    ToolServer server;
};

struct McpSettings {
    ToolServer server;
    std::vector<std::string> tools;  // those that are used; empty: all
};

struct ToolSettings {
    std::vector<std::string> built_in;  // "end_call", "send_dtmf"
    std::map<std::string, std::string> transfer_to;  // what `transfer` may be asked for, by name; empty: there is no such tool
    std::vector<HttpToolSettings> http;
    std::vector<McpSettings> mcp;
};

/// Where something is wrong: a key like "tools[1].url".
using TellToolFault = std::function<void(const std::string& key, std::string message, std::string hint)>;

/// The keys `tools` and `mcp` of an agent's file; null: it has none.
ToolSettings read_tools(const nlohmann::json* tools, const nlohmann::json* mcp, const TellToolFault& fault);

/// What a call's tools are made of: the settings with the values of their headers. Shared by all calls of a host.
class Toolbox {
 public:
    /// Faults are those of the environment: variables that are not set. The values of headers become secrets.
    static std::expected<std::unique_ptr<Toolbox>, std::vector<speech::OptionFault>> build(ToolSettings settings, const speech::ProviderContext& context);

    const ToolSettings& settings() const { return settings_; }
    net::HttpClient& http() const { return http_; }

 private:
    Toolbox(ToolSettings settings, net::HttpClient& http) : settings_(std::move(settings)), http_(http) {}
    ToolSettings settings_;
    net::HttpClient& http_;
};

}  // namespace voicectl::agent
