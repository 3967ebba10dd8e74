// Tools that act on the call itself. Values; they act through what the call hands them.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string_view>

#include "core/agent/tools/tool.h"

namespace voicectl::agent {

inline constexpr std::array<std::string_view, 2> kBuiltInTools{"end_call", "send_dtmf"};

struct BuiltInActions {
    /// Presses one key, as the caller's telephone hears it.
    std::function<void(char key, std::function<void(Result<void>)> done)> press;
};

/// Null: there is no such one.
std::unique_ptr<Tool> built_in_tool(std::string_view name, const BuiltInActions& actions);

}  // namespace voicectl::agent
