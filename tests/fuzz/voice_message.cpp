// What clients of a voice server say, and the names that rooms get of their users.
#include "core/serve/voice_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    using namespace voicectl::serve::voice;
    const std::string text(data, size);
    const auto message = parse_client_message(text);
    if (!message && message.error().empty()) __builtin_trap();
    if (message) {
        if (const auto* typed = std::get_if<Text>(&*message); typed && typed->text.empty()) __builtin_trap();
        if (const auto* start = std::get_if<Start>(&*message); start && !start->metadata.is_object()) __builtin_trap();
    }
    for (const auto& one : offered_protocols(text))
        if (one.empty() || one.find(',') != std::string::npos) __builtin_trap();
    if (room_name(text, "VC_1").find_first_of("/ \n") != std::string::npos) __builtin_trap();
    return 0;
}
