// Everything that carries calls in one process: engines, LiveKit's core, the store, and the host on top of them.
// Built in order, taken down in reverse; on the thread of its loop.
#pragma once

#include <memory>

#include "commands/env.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/workers.h"

namespace voicectl::commands {

class CallParts {
 public:
    static Result<std::unique_ptr<CallParts>> build(agent::LoadedConfig loaded, Loop& loop, Env& env, const std::string& supervisor = {});
    ~CallParts();

    agent::CallHost& host() { return *host_; }
    const agent::AgentConfig& config() const { return config_; }

 private:
    explicit CallParts(agent::AgentConfig config) : config_(std::move(config)) {}

    Workers workers_{2, "vc-speech"};
    agent::AgentConfig config_;
    agent::Stages stages_;
    std::unique_ptr<rtc::Core> core_;
    std::unique_ptr<store::AsyncStore> store_;
    std::unique_ptr<agent::CallHost> host_;
};

}  // namespace voicectl::commands
