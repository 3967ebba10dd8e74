// What a dispatch carries, as an agent reads it, and the templates that its values go into.
#include <algorithm>

#include "core/agent/text_template.h"
#include "voicectl/agent/metadata.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::agent;

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const std::string text(data, size);
    const auto read = read_metadata(text);
    if (size > kMostMetadata && read.faults.empty()) __builtin_trap();
    const auto& value = read.value;
    for (const auto& one : {value.user_id, value.assignment_id, value.scenario_id, value.language, value.voice, value.instructions})
        if (valid_utf8(one) != one) __builtin_trap();
    if (!value.language.empty() && !is_language(value.language)) __builtin_trap();
    for (const auto& [name, given] : value.variables)
        if (!is_variable_name(name) || valid_utf8(given) != given) __builtin_trap();
    for (const auto& fault : read.faults)
        if (fault.find('\n') != std::string::npos) __builtin_trap();
    std::ignore = strict_fault(read);
    // A value that is a template itself stays what it is.
    const auto variables = [&](std::string_view) { return std::optional(std::string("{{a}}")); };
    std::size_t replaced = 0;
    for (const auto& slot : slots_of(text)) replaced += !slot.name.empty();
    const auto expanded = expand(text, variables);
    if (replaced == 0 && expanded != text) __builtin_trap();
    return 0;
}
