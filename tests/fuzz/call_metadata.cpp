// What a dispatch carries: given by scripts, read by agents.
#include "commands/call/metadata.h"
#include "voicectl/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    using namespace voicectl;
    using namespace voicectl::commands;
    CallFields fields;
    fields.user = "3e0f7ce6-3b0c-4a34-9a0c-5b7f0b1d7a11";
    fields.metadata = std::string(data, size);
    const auto strict = call_metadata(fields);
    if (strict && !is_uuid((*strict).value("userId", std::string()))) __builtin_trap();
    fields.schema = false;
    const auto loose = call_metadata(fields);
    if (loose && !loose->is_object()) __builtin_trap();
    return 0;
}
