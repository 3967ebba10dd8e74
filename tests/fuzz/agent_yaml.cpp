// An agent's file, and the faults told of it.
#include "voicectl/agent/config.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const auto loaded = voicectl::agent::parse_config({data, size}, "agent.yaml");
    for (const auto& fault : loaded.faults) {
        if (fault.to_string().empty() || fault.line < 0) __builtin_trap();
    }
    if (!loaded.faults.empty() && voicectl::agent::to_error(loaded.faults).message.empty()) __builtin_trap();
    if (loaded.faults.empty() && !voicectl::agent::is_plain_name(loaded.config.name)) __builtin_trap();
    return 0;
}
