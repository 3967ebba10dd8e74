// Calls with an agent over a plain WebSocket (requirement F9): `GET /v1/voice`, JSON to control them and 16 kHz audio both
// ways (docs/voice.md has the protocol). Lives on the loop; owned by whoever owns the HTTP server, and gone after it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/agent/host.h"
#include "voicectl/net/websocket_server.h"
#include "voicectl/serve/gate.h"

namespace voicectl::serve {

struct VoiceOptions {
    std::string path = "/v1/voice";
    std::vector<std::string> origins;  // of pages that may call; "*": all. Empty: pages of the host that they call
    int calls_per_user = 3;            // at once; the agent's `limits` may allow fewer, as for the next two
    int most_calls = 50;               // at once, of all users
    std::chrono::milliseconds idle{600000}, max_duration{1800000};
    std::size_t min_chunk = 100, max_chunk = 100'000;  // bytes of audio in one message
    std::size_t max_text = 72 * 1024;                  // bytes of a control message
    std::size_t max_message = 256 * 1024;              // bytes of any: a larger one ends the connection
    std::size_t max_waiting = 512 * 1024;              // bytes that wait for a client who does not read: more end the connection
    std::chrono::milliseconds ahead{5000};             // more audio than real time, at most
    int most_errors = 5;                               // of a client within 10 s: more end its call
    std::chrono::milliseconds start_within{10000};     // of the connection: `start` or `resume`
    std::chrono::milliseconds ping_every{15000};
    std::chrono::milliseconds resume_within{30000};    // of a cut
    std::string goodbye = "I am sorry, we have to end our call here. Goodbye.";  // when the server goes; may be empty
};

/// What has happened since the start.
struct VoiceCounts {
    int calls = 0, sockets = 0;  // now
    std::uint64_t begun = 0, resumed = 0, cut = 0, ended = 0;
    std::map<std::string, std::uint64_t> refused;  // by code: "unauthorized", "user_limit", "bad_chunk", …
    std::uint64_t bytes_in = 0, bytes_out = 0;     // of audio
};

/// Them in Prometheus' text format (docs/serve.md).
std::string voice_metrics(const VoiceCounts& counts);

/// What calls are made with; all of it outlives the desk.
struct VoiceParts {
    const agent::AgentConfig& config;
    agent::Stages& stages;
    store::AsyncStore& store;
};

class VoiceDesk {
 public:
    static std::unique_ptr<VoiceDesk> create(Loop& loop, VoiceParts parts, Gate& gate, VoiceOptions options = {});
    virtual ~VoiceDesk() = default;  // ends all calls at once, and says nothing
    /// HttpServerOptions::upgrades and on_upgrade.
    virtual bool wants(const net::ServedRequest& request) const = 0;
    virtual void take(const net::ServedRequest& request, std::unique_ptr<net::Upgrade> upgrade) = 0;
    /// No new calls; those that go on are said goodbye, and ended after `limit`. `done` once the last one is over.
    virtual void drain(std::chrono::milliseconds limit, std::function<void()> done) = 0;
    virtual VoiceCounts counts() const = 0;
    /// What sessions tell of themselves (agent::CallHost::on_report).
    std::function<void(const nlohmann::json& report)> on_report;
};

}  // namespace voicectl::serve
