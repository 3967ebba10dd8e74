// What a LiveKit server says to a worker.
#include "core/livekit/worker_message.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    using namespace voicectl::livekit;
    const auto message = parse_worker_message({data, size});
    if (!message) return 0;
    if (message->kind != WorkerMessage::Kind::Assigned && !message->token.empty()) __builtin_trap();
    return 0;
}
