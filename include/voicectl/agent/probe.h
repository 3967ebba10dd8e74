// One real call to each provider that an agent's file names (`voicectl agent check --probe`): does it answer, how fast, and for
// how much? A model is asked for a word, a voice says a sentence, a recogniser hears what a voice has said, an MCP server is
// asked for its tools. Lives on the loop; owned by the command; configuration, stages and context outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/agent/config.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/loop.h"
#include "voicectl/speech/providers.h"

namespace voicectl::agent {

struct ProbeReport {
    enum class State { Ok, Failed, Skipped };

    std::string stage;                // "stt", "llm", "tts", "tools"
    std::vector<std::string> places;  // where the file names just this: "stt", "llm[1]", "languages.de.tts", "voices.ann"
    std::string provider, model;      // model: empty when none is named
    State state = State::Failed;
    std::string note;                 // why it was skipped, or what to know of a good one; may be empty
    std::optional<Error> error;       // of Failed
    std::optional<std::chrono::milliseconds> first, total;  // from the request on, connecting included
    std::optional<std::chrono::milliseconds> after_speech;  // of a recogniser: from the end of the speech to its words
    std::string said;                 // to a model, by a voice, to a recogniser
    std::string by;                   // of a recogniser: whose voice that was
    std::string answer;               // the model's words, or what was understood
    std::optional<double> word_error; // of a recogniser: words wrong per word said
    std::chrono::milliseconds sound{0};  // of a voice
    std::vector<std::string> tools;   // of an MCP server
    nlohmann::json usage = nlohmann::json::array();  // what it used and cost, lines as reports of calls have them
    std::optional<Money> cost;        // nothing: a price is not known
};

/// "ok", "failed", "skipped"
const char* to_text(ProbeReport::State state);

struct ProbeOptions {
    std::chrono::milliseconds timeout{30000};  // of each
    int at_once = 4;
};

struct ProbeHandlers {
    std::function<void(const std::vector<std::string>& asked)> on_change = {};  // who is being asked now: "llm openai/gpt-4.1-mini"
    std::function<void(std::vector<ProbeReport> reports)> on_done;              // last call; in the order of the file's stages
};

class Prober {
 public:
    static std::unique_ptr<Prober> start(Loop& loop, const AgentConfig& config, const Stages& stages, const speech::ProviderContext& context, ProbeOptions options,
                                         ProbeHandlers handlers);
    virtual ~Prober() = default;
};

/// Good when nothing failed; else the first failure's words with a cause for scripts: the one that all have; Unreachable where
/// all may pass by themselves (Unreachable, Timeout); else CheckFailed.
Result<void> verdict_of(const std::vector<ProbeReport>& reports);

}  // namespace voicectl::agent
