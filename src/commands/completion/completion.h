// voicectl completion SHELL: the script that makes a shell ask `voicectl __complete WORDS…` for candidates, so
// that completion follows the command tree without being written down again.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

/// What the scripts call; not part of the tree.
inline constexpr const char* kCompleteCommand = "__complete";

struct CompletionOptions {
    std::string shell;
};

void add_completion(Command root, Env& env, Run<CompletionOptions> run);
Result<void> run_completion(const CompletionOptions& options, Env& env);

/// For bash, zsh or fish.
std::string completion_script(const std::string& shell);

struct Candidate {
    std::string word, about;
    bool operator==(const Candidate&) const = default;
};
enum class Follow { Candidates, Files, Folders };
struct Completion {
    Follow follow = Follow::Candidates;
    std::vector<Candidate> candidates;
};

/// For the words after "voicectl"; the last is the one being written. Names of rooms and agents are asked of
/// the server within 250 ms; a server that is away, or no key, gives none and says nothing.
Completion candidates(const std::vector<std::string>& words, Env& env);

/// Prints `WORD<TAB>ABOUT` lines, or ":files" / ":folders". Always 0.
int complete(const std::vector<std::string>& words, Env& env);

}  // namespace voicectl::commands
