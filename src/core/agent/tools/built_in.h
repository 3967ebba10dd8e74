// Tools that act on the call itself. Values; they act through what the call hands them.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/agent/tools/tool.h"

namespace voicectl::agent {

inline constexpr std::array<std::string_view, 2> kBuiltInTools{"end_call", "send_dtmf"};

struct BuiltInActions {
    /// Presses one key, as the caller's telephone hears it.
    std::function<void(char key, std::function<void(Result<void>)> done)> press = {};
    /// All that the agent has said so far is heard, and the caller is silent.
    std::function<bool()> all_heard = {};
    /// Hands the caller over to `address`; where that is done the call is over.
    std::function<void(const std::string& name, const std::string& address, std::function<void(Result<void>)> done)> transfer = {};
};

/// Null: there is no such one.
std::unique_ptr<Tool> built_in_tool(std::string_view name, const BuiltInActions& actions);

/// `transfer`: the model names one of `targets`, never an address, for a model can be talked into any.
std::unique_ptr<Tool> transfer_tool(std::map<std::string, std::string> targets, const BuiltInActions& actions);
/// "tel:" and a number, or "sip:"/"sips:" and an address.
bool is_transfer_address(std::string_view text);

}  // namespace voicectl::agent
