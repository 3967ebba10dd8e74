// Instructions from a backend by a call's `scenarioId` (requirement E6): one GET with the internal service key, its
// answer validated. Built once from the configuration and shared by calls; a fetch belongs to one call and lives on its
// loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/agent/config.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/net/http.h"
#include "voicectl/speech/providers.h"

namespace voicectl::agent {

/// What the backend says: {"ok": true, "data": {"prompt": TEXT, "greeting": TEXT}}, the greeting left out or not.
struct FetchedPrompt {
    std::string instructions, greeting;  // greeting empty: the configuration's
};

/// Bytes of others to a prompt; Protocol for anything but what stands above.
Result<FetchedPrompt> parse_prompt(const std::string& body);

class PromptFetch {  // dropping it stops it
 public:
    virtual ~PromptFetch() = default;
};

class PromptBackend {
 public:
    /// Null when `prompt_from` does not name the backend. Faults: no address, no key, an address without TLS that is not
    /// this machine.
    static speech::Built<PromptBackend> build(const AgentConfig& config, const speech::ProviderContext& context);

    /// `done` once, on the loop: the prompt, or why there is none after two attempts (one, when a second would get the
    /// same answer).
    std::unique_ptr<PromptFetch> fetch(Loop& loop, const std::string& scenario_id, std::function<void(Result<FetchedPrompt>)> done) const;

 private:
    PromptBackend(net::HttpClient& http, std::string base, BackendSettings settings, std::string key)
        : http_(http), base_(std::move(base)), settings_(std::move(settings)), key_(std::move(key)) {}
    net::HttpClient& http_;
    std::string base_;  // without a slash at its end
    BackendSettings settings_;
    std::string key_;
};

}  // namespace voicectl::agent
