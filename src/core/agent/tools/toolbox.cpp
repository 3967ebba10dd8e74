#include "voicectl/agent/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "voicectl/base/redact.h"

namespace voicectl::agent {
namespace {

/// `$NAME`, alone or after a word: "Bearer $NAME". Nothing: the variable is not set.
std::optional<std::string> with_environment(const std::string& value, const speech::ProviderContext& context, std::string& name) {
    constexpr std::string_view kNameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const auto at = value.find('$');
    if (at == std::string::npos) return value;
    const auto end = std::min(value.find_first_not_of(kNameCharacters, at + 1), value.size());
    name = value.substr(at + 1, end - at - 1);
    const auto found = context.environment(name);
    if (!found) return std::nullopt;
    register_secret(*found);
    return value.substr(0, at) + *found + value.substr(end);
}

void fill_in(ToolServer& server, const speech::ProviderContext& context, std::vector<speech::OptionFault>& faults) {
    for (auto& [header, value] : server.headers) {
        std::string name;
        auto filled = with_environment(value, context, name);
        const auto key = fmt::format("{}.headers.{}", server.key, header);
        const bool printable = filled && std::all_of(filled->begin(), filled->end(), [](char c) { return c >= 0x20 && c < 0x7F; });
        if (!filled) faults.push_back({key, fmt::format("the variable {} is not set", name), "put the header's secret into it"});
        else if (!printable) faults.push_back({key, "has characters that no header may have", ""});
        else value = std::move(*filled);
    }
}

}  // namespace

std::expected<std::unique_ptr<Toolbox>, std::vector<speech::OptionFault>> Toolbox::build(ToolSettings settings, const speech::ProviderContext& context) {
    std::vector<speech::OptionFault> faults;
    for (auto& tool : settings.http) fill_in(tool.server, context, faults);
    for (auto& mcp : settings.mcp) fill_in(mcp.server, context, faults);
    if (!faults.empty()) return std::unexpected(std::move(faults));
    return std::unique_ptr<Toolbox>(new Toolbox(std::move(settings), context.http));
}

}  // namespace voicectl::agent
