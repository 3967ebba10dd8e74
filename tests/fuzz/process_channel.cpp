// What the supervisor hears from a call process, which may have lost its mind, and the other way round.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "core/agent/channel.h"
#include "core/agent/process_messages.h"
#include "voicectl/agent/metrics.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

void understand(const nlohmann::json& message) {
    const auto type = messages::type_of(message);
    if (type == "setup") messages::to_setup(message);
    if (type == "call") messages::to_ticket(message);
    if (type == "ended") messages::to_outcome(message);
    if (type == "transfer") std::ignore = messages::transfer(messages::id_of(message), messages::to_transfer(message));
    if (type == "transferred") std::ignore = messages::to_transferred(message);
    if (type == "notReady") std::ignore = exit_code(messages::to_error(message).code);
    if (type == "report") {
        AgentMetrics metrics;
        metrics.take(message);
        std::ignore = metrics.text();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    if (size > 60'000) return 0;  // what the socket takes at once
    static AsioLoop& loop = *new AsioLoop;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
    bool closed = false;
    auto channel = Channel::open(loop, ends[0], {.on_message = understand, .on_closed = [&](const Error&) { closed = true, loop.stop(); }});
    if (write(ends[1], data, size) != static_cast<ssize_t>(size)) std::abort();
    close(ends[1]);
    loop.run();
    if (!closed) __builtin_trap();
    channel.reset();
    return 0;
}
