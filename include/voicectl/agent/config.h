// An agent as its YAML file describes it (docs/agent-config.md). Values; loaded before anything connects,
// so that a mistake is told with file, line and key.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/agent/prices.h"
#include "voicectl/agent/tools.h"
#include "voicectl/base/result.h"
#include "voicectl/speech/chain.h"

namespace voicectl::agent {

struct TurnSettings {
    enum class Endpointing { Fixed, Adaptive };
    enum class Preemptive { Off, Llm, Tts };

    /// Silence after speech that ends the caller's turn; what adaptive endpointing begins with.
    std::chrono::milliseconds end_of_turn{500};
    Endpointing endpointing = Endpointing::Fixed;
    /// Bounds of the wait wherever it varies: adaptive endpointing, text rules, a recogniser with an endpointing of its own.
    std::chrono::milliseconds min_delay{300}, max_delay{2500};
    /// Languages of the rules by which words tell whether a sentence is finished (text_rules.h); empty: no rules.
    std::vector<std::string> text_rules;
    /// What is begun while it is not yet sure that the caller has finished.
    Preemptive preemptive = Preemptive::Llm;
    /// `provider` and its options; the default needs no model.
    nlohmann::json vad{{"provider", "energy"}};
    /// Shorter bursts are no speech.
    std::chrono::milliseconds min_speech{60};
    bool interruptions = true;
    /// How long the caller must speak before the agent falls silent.
    std::chrono::milliseconds interrupt_after{200};
    /// Fewer words do not take the turn: the agent goes on where it was.
    int interrupt_words = 1;
    /// Nor do these alone, in lower case.
    std::vector<std::string> backchannels{"mhm", "mm", "hm", "uh", "huh", "uhhuh", "aha", "yeah", "yes", "yep", "ok", "okay", "right", "ja", "genau", "gut"};
    /// Nothing was understood for so long after the agent fell silent: it goes on.
    std::chrono::milliseconds false_interruption{2000};
};

/// What becomes of a caller who says nothing.
struct AwaySettings {
    std::chrono::milliseconds after{0};  // silence of both; 0: nothing is done
    int times = 2;
    std::string say = "Are you still there?";
    std::string goodbye = "I cannot hear you, so I will hang up now. Goodbye.";  // after the last time; empty: hung up without
};

/// What front-ends are told and may do. As they know it from livekit-agents: everything.
struct FrontEndSettings {
    bool captions = true;            // text streams on lk.transcription, and what older clients need
    bool transcript_packets = true;  // a data packet on topic `transcript` for each turn
    bool chat = true;                // typed text on lk.chat is a turn
    bool rpc = true;                 // methods
};

inline constexpr std::string_view kTelephoneKeys = "0123456789*#ABCD";

/// Keys that a caller presses.
struct DtmfSettings {
    bool enabled = true;
    std::chrono::milliseconds timeout{2000};  // no key for so long: they are all
    std::string end_key = "#";                // ends them at once, itself left out; empty: none does
    int length = 0;                           // so many are all; 0: any number
    std::string tell = "[keys: {keys}]";      // how the model is told
};

/// What a caller is told when nobody could answer, whoever stood in.
struct TroubleSettings {
    std::string say = "I am sorry, something went wrong. Could you say that again?";     // the first and second time in a row; empty: nothing
    std::string goodbye = "I am sorry, I have technical trouble and have to end our call. Goodbye.";  // then; empty: the call ends without
    nlohmann::json tts;  // who says it when the voice itself is what failed; null: flite, where it is installed
};

/// How long the model may go on in one answer.
struct AnswerLimit {
    int characters = 4000;                  // 0: no limit
    std::chrono::milliseconds time{120000}; // of writing; 0: no limit
    std::string words = "I will stop here. Ask me if you want to hear more.";  // said in place of the rest; may be empty
};

/// Where one call ends by itself, and what is said then. Empty words: it ends without.
struct Limits {
    Money budget{5'000'000'000};  // of a call; 0: no limit
    std::string budget_warning;   // said at 80 % of it; empty: nothing is said
    std::string budget_goodbye = "I am sorry, I have to end our call here. Goodbye.";
    std::chrono::milliseconds idle{600000};  // without a sound from the caller; 0: no limit
    std::string idle_goodbye = "I have not heard from you for a while, so I will hang up now. Goodbye.";
    std::chrono::milliseconds max_duration{1800000};
    std::string duration_goodbye = "Our time is up, so I have to end the call now. Goodbye.";
    int calls_per_user = 3;  // at once, over all agents that share the store; 0: no limit
    AnswerLimit answer;
};

/// How much of a long conversation the model sees (the store keeps all of it). The newest part is kept, and the instructions.
struct HistoryLimits {
    int messages = 200;
    int tokens = 32000;  // a guess by the length of the text; 0: no limit
};

/// Said when the model has not begun to answer for so long.
struct FillerSettings {
    std::chrono::milliseconds after{1500};
    std::vector<std::string> say;  // in turn; empty: nothing is said
};

/// What a language changes; absent: as the agent has it.
struct LanguageSettings {
    std::string tag;  // as the file has it
    std::optional<std::string> greeting, instructions, back_again, not_understood, away_say, away_goodbye, budget_warning, budget_goodbye, idle_goodbye,
        duration_goodbye;
    nlohmann::json stt, llm, tts;  // null: the agent's
    std::map<std::string, nlohmann::json> voices;
};

/// Where instructions come from by a call's `scenarioId` (requirement E6).
struct BackendSettings {
    std::string url;  // empty: $VOICECTL_BACKEND_URL
    std::string path = "/api/internal/scenarios/{scenarioId}";
    std::string key_env = "INTERNAL_SERVICE_KEY", key_file;  // of the header X-Internal-Service-Key; the file wins
    std::chrono::milliseconds timeout{2000};  // of each of two attempts
};

/// Where traces go (include/voicectl/agent/otlp.h).
struct OtlpSettings {
    std::string endpoint;     // "http://127.0.0.1:4318"; empty: as the OTEL_* variables say
    std::string headers_env;  // a variable with "name=value,name=value"; empty: the OTEL_* ones
    bool speech = false;      // spans hold what people say
};

/// Texts are templates (src/core/agent/text_template.h).
struct AgentConfig {
    std::string file;  // as given, for messages
    std::string name;
    std::string greeting;        // empty: the caller speaks first
    std::string instructions;    // the model's system prompt
    std::string back_again = "Sorry, I'm back.";  // after our process died in mid-call; empty: nothing is said
    std::string not_understood;  // said when speech was heard but no words; empty: nothing is said
    nlohmann::json stt, llm, tts;  // each an object with `provider` and its options, or a list of them: the first choice first
    speech::ChainRules failover;   // within such a list
    ToolSettings tools;
    TurnSettings turn;
    TroubleSettings trouble;
    AwaySettings away;
    FrontEndSettings front_end;
    DtmfSettings dtmf;
    FillerSettings filler;
    std::vector<std::string> prompt_from;  // who may give other instructions, the first that has some: "metadata", "backend"
    BackendSettings backend;
    bool strict_metadata = false;          // a dispatch whose metadata are wrong is refused; else served with the defaults
    std::map<std::string, std::string> variables;         // known to templates besides the built-in ones, with their defaults
    std::string language;                                 // what the keys above speak; empty: not told
    std::map<std::string, LanguageSettings> languages;    // by tag, in lower case
    std::map<std::string, nlohmann::json> voices;         // by name: what each changes in `tts`
    OtlpSettings otlp;
    int max_calls = 12;          // of one process: LiveKit's core should not carry more
    int recycle_after = 100;     // calls, then a process takes no more and another one takes its place; 0: never
    int processes = 0;           // at most; 0: two for each core of the machine
    double load_threshold = 0.9;     // share of CPU or memory from which on no call is taken; 1: never refuse for it
    std::string store;           // path; empty: the default
    std::chrono::milliseconds caller_timeout{60000};   // nobody came: the job ends
    std::chrono::milliseconds caller_return{5000};     // the caller left: how long to wait for a return
    Limits limits;
    HistoryLimits history;
    PriceList prices;            // built-in ones, and what the file changes
    std::string report_dir;      // each call's report as a file, too; empty: in the store alone
    std::chrono::milliseconds drain_timeout{600000};
};

struct ConfigFault {
    std::string file;
    int line = 0;  // 1-based; 0: the file as a whole
    std::string key;
    std::string message;
    std::string hint;

    /// "receptionist.yaml:12: turn.end_of_turn: 'soon' is not a duration"
    std::string to_string() const;
};

/// Everything that is wrong with a file, not just the first thing.
using ConfigFaults = std::vector<ConfigFault>;

struct LoadedConfig {
    AgentConfig config;
    std::map<std::string, int> lines;  // line of every key, by its dotted path: "stt.provider", "llm.rules[2].match"
    ConfigFaults faults;               // empty: good
    std::string text;                  // what was read
    std::map<std::string, std::string> files;  // the prompt files that it names, as it names them, and what was read of them

    /// A fault of a stage's own option, at its line in the file.
    ConfigFault fault_at(const std::string& key, std::string message, std::string hint) const;
};

/// NotFound or Io when the file cannot be read; faults in the value otherwise.
Result<LoadedConfig> load_config(const std::string& path);
/// The same for text that is in memory; `file` is for messages, and prompt files are looked for beside it, but those in
/// `files` are taken from there.
LoadedConfig parse_config(const std::string& yaml, const std::string& file, std::map<std::string, std::string> files = {});

/// Printable, on one line, without blanks at its ends.
bool is_plain_name(const std::string& name);

/// One Error (Config) out of faults: the first in full, all of them one per line.
Error to_error(const ConfigFaults& faults);

}  // namespace voicectl::agent
