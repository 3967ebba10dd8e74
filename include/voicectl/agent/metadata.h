// What a dispatch says of its call (requirement A5), read and judged in this one place. It comes from whoever may create
// dispatches and is not trusted: bounded, of known keys and forms, and only ever used as values. Any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace voicectl::agent {

/// More than this is not read at all; LiveKit's own limit for metadata is 64,000 bytes.
inline constexpr std::size_t kMostMetadata = 64 * 1024;

struct CallMetadata {
    std::string user_id, assignment_id, scenario_id;
    std::string language, voice;  // wished for; what the configuration does not have is not given
    std::string instructions;     // used only when the configuration's `prompt_from` says so
    std::string traceparent;      // of W3C Trace Context: the trace that the call is part of
    std::map<std::string, std::string> variables;  // for {{name}} in templates; never templates themselves
};

struct ReadMetadata {
    CallMetadata value;                // of a key with a fault: empty
    std::vector<std::string> faults;   // one line each, which name the key and never repeat its value; empty: good
};

/// Never fails as a whole: what is good of it is used. Empty text is no metadata at all, and good.
ReadMetadata read_metadata(std::string_view text);

/// Why a call with this metadata is refused under `metadata: strict`: its first fault, or what the schema of requirement A5
/// wants besides (userId is there, and userId, assignmentId and scenarioId are UUIDs). Empty: it is not.
std::string strict_fault(const ReadMetadata& metadata);

/// What a variable may be called: letters, digits and underscores, no digit first, at most 64.
bool is_variable_name(std::string_view name);

/// "de", "pt-BR", "zh-Hant-TW" (BCP 47, as far as agents need it).
bool is_language(std::string_view tag);

}  // namespace voicectl::agent
