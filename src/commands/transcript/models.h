// The language models of an agent's file, asked for what is no call: summaries, evaluations.
#pragma once

#include <memory>

#include "commands/env.h"
#include "voicectl/agent/config.h"
#include "voicectl/base/workers.h"
#include "voicectl/speech/speech.h"

namespace voicectl::commands {

/// What one of them said, and which: "openai/gpt-4.1-mini".
struct ModelAnswer {
    std::string text, model;
};

class Models {
 public:
    static Result<Models> load(const std::string& path, Env& env);
    Models(agent::AgentConfig config, Env& env);
    /// Config, of what ask() would stumble over: a key that is missing, a name that is wrong.
    Result<void> check();
    /// In the order of the file, the next when one fails. Blocks; any thread.
    Result<ModelAnswer> ask(const speech::Chat& chat);

 private:
    Result<std::shared_ptr<speech::LanguageModel>> engine_of(const nlohmann::json& options);
    Result<std::string> ask_one(const nlohmann::json& options, const speech::Chat& chat);
    agent::AgentConfig config_;
    Env& env_;
    std::unique_ptr<Workers> workers_ = std::make_unique<Workers>(1, "vc-speech");
};

}  // namespace voicectl::commands
