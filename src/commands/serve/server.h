// The running `serve`: what it is made of, in the order in which it is made, and how it ends. Lives on its loop, which main runs.
#pragma once

#include <memory>
#include <optional>

#include "commands/env.h"
#include "commands/serve/serve.h"
#include "commands/transcript/models.h"
#include "voicectl/agent/host.h"
#include "voicectl/agent/metrics.h"
#include "voicectl/base/workers.h"
#include "voicectl/net/http_server.h"
#include "voicectl/serve/backend.h"
#include "voicectl/serve/gate.h"
#include "voicectl/serve/page.h"
#include "voicectl/serve/voice.h"
#include "voicectl/store/store.h"
#include "voicectl/webhook/forwarder.h"
#include "voicectl/webhook/intake.h"

namespace voicectl::commands {

class Server {
 public:
    Server(const ServeOptions& options, Env& env) : options_(options), env_(env) {}
    Result<void> run();

 private:
    Result<void> prepare();
    Result<void> read_options();
    Result<void> open_gate();
    Result<void> open_page();
    Result<void> open_store();
    Result<void> open_webhooks();
    Result<void> open_voice();
    Result<void> open_backend();
    Result<void> listen();
    Result<void> announce();
    void forget_old_events();
    Result<nlohmann::json> start_call(const serve::CallWish& wish);

    void on_signal(int number, int count);
    void next_step();
    [[noreturn]] void leave();

    const ServeOptions& options_;
    Env& env_;
    AsioLoop loop_;
    bool development_ = false;
    std::chrono::milliseconds drain_{0};
    std::vector<std::string> origins_, targets_;
    std::optional<livekit::Server> livekit_;  // none: no calls are started
    std::unique_ptr<store::AsyncStore> store_;
    std::unique_ptr<serve::Gate> gate_;
    std::unique_ptr<serve::RateLimiter> limiter_;
    std::unique_ptr<serve::Page> page_;
    std::optional<Models> models_;
    std::unique_ptr<webhook::Intake> intake_;
    std::unique_ptr<webhook::Forwarder> forwarder_;
    std::unique_ptr<Workers> workers_, speech_workers_;
    agent::AgentConfig agent_;
    agent::Stages stages_;
    agent::AgentMetrics voice_reports_;
    std::unique_ptr<serve::VoiceDesk> voice_;
    std::unique_ptr<serve::Backend> backend_;
    std::unique_ptr<net::HttpServer> server_;
    int step_ = 0;  // of the end
    TimePoint drain_end_;
    Timer step_timer_{loop_}, forget_timer_{loop_};
    Result<void> result_;
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
