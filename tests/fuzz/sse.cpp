// What a model server sends: events, cut anywhere, and the chunks of chat in them.
#include "core/speech/chat_chunk.h"
#include "voicectl/net/sse.h"

using namespace voicectl::speech;
using voicectl::net::SseParser;

namespace {

std::string events_of(std::string_view bytes, std::size_t piece) {
    std::string all;
    SseParser parser([&](const std::string& data) { return all += data + '\0', true; }, 4096);
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        if (!parser.push(bytes.substr(at, piece))) return "too long";
    parser.finish();
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const std::string_view bytes(data, size);
    if (events_of(bytes, size + 1) != events_of(bytes, 1)) __builtin_trap();  // any cut gives the same
    ThinkFilter thoughts;
    SseParser parser([&](const std::string& event) {
        if (const auto chunk = parse_chat_chunk(event)) std::ignore = thoughts.push(chunk->text);
        return true;
    });
    std::ignore = parser.push(bytes);
    parser.finish();
    std::ignore = thoughts.finish();
    std::ignore = parse_chat_chunk(bytes);
    std::ignore = parse_server_error(bytes);
    return 0;
}
