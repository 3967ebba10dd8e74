// What `agent check --probe` asks: each provider of a configuration once, however often it is named. Values that point into the
// stages, which outlive them. Any thread.
#pragma once

#include <string>
#include <vector>

#include "voicectl/agent/probe.h"

namespace voicectl::agent {

struct ProbeTarget {
    ProbeReport report;
    std::string key;       // two with the same are one
    std::string language;  // "en"; of what is said to it
    nlohmann::json options = {};
    Payee payee = {};
    // One of these:
    speech::SpeechToText* stt = nullptr;
    speech::LanguageModel* llm = nullptr;
    speech::TextToSpeech* tts = nullptr;
    const McpSettings* mcp = nullptr;
};

std::vector<ProbeTarget> plan_probes(const AgentConfig& config, const Stages& stages);

/// The sentences that it knows, where it knows no others.
std::vector<std::string> only_phrases(const nlohmann::json& options);
/// It knows only some sentences, too, but not even we know which.
bool has_own_sentences(const nlohmann::json& options);
/// What speaks that language on this machine, as options of a voice, the best first.
std::vector<nlohmann::json> local_voices(const std::string& language);

}  // namespace voicectl::agent
