#include "commands/completion/completion.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <set>

#include "commands/reference/manual.h"
#include "commands/reference/topics.h"
#include "commands/root.h"
#include "commands/words.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::milliseconds kServerTime{250};
constexpr std::size_t kMostRoomsAsked = 20;  // for their agents

// Names come from the server, so from anybody who may make a room: what is put on the line is quoted, and what is
// typed there is never evaluated.
constexpr const char* kBash = R"(# voicectl completion for bash. Load it: source <(voicectl completion bash)

# REPLY: a word of the line without its quotes, nothing in it expanded.
_voicectl_plain() {
  case $1 in
    \'*) REPLY=${1#\'}; REPLY=${REPLY%\'} ;;
    \"*) REPLY=${1#\"}; REPLY=${REPLY%\"} ;;
    *) IFS= read -d '' REPLY < <(printf '%s\0' "$1") ;;
  esac
}

_voicectl() {
  local i n=-1 piece last= rest=${COMP_LINE:0:COMP_POINT} head= current plain cut line word REPLY
  local -a words=()
  # bash cuts words at = : and @ too; what stands together is one of ours.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]}
    word=
    if ((n >= 0)) && [[ $rest != [[:blank:]]* && ($piece == [=:@]* || $last == *[=:@]) ]]; then word=${words[n]}; else n=$((n + 1)); fi
    rest=${rest#"${rest%%[![:blank:]]*}"}
    if ((i == COMP_CWORD)) && [[ -n $COMP_LINE ]]; then piece=$rest; fi
    rest=${rest#"$piece"}
    words[n]=$word$piece
    head=$word
    if [[ -n $piece && $piece != *[!=:@]* ]]; then head=${words[n]}; fi
    last=$piece
  done
  current=${words[n]}
  # What bash puts in place of the last of them; an @ it keeps with what follows.
  _voicectl_plain "${head%@}"; cut=${#REPLY}
  for ((i = 1; i <= n; i++)); do _voicectl_plain "${words[i]}"; words[i]=$REPLY; done
  plain=${words[n]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :folders)
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
          if [[ $line == :files ]]; then compgen -f -- "${plain:cut}"; else compgen -d -- "${plain:cut}"; fi)
        ;;
      *)
        word=${line%%$'\t'*}; word=${word:cut}
        case $current in
          [\'\"]*) if [[ $word == *[!A-Za-z0-9_./:=,@%+\ -]* ]]; then continue; fi ;;
          *) if [[ -n $word ]]; then printf -v word %q "$word"; fi ;;
        esac
        COMPREPLY+=("$word")
        ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _voicectl voicectl
)";

constexpr const char* kZsh = R"(#compdef voicectl
# voicectl completion for zsh. Put it on $fpath as _voicectl, or: source <(voicectl completion zsh)
_voicectl() {
  local line word
  local -a found about
  # (Q) takes quotes away and expands nothing; compadd quotes what it inserts.
  for line in "${(@f)$("${words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files; return ;;
      :folders) [[ $PREFIX == --*=* ]] && compset -P '*='; _files -/; return ;;
      '') ;;
      *) word=${line%%$'\t'*}; found+=("$word"); about+=("$word  ${line#*$'\t'}") ;;
    esac
  done
  compadd -l -d about -a found
}
if [ "$funcstack[1]" = _voicectl ]; then _voicectl "$@"; else compdef _voicectl voicectl; fi
)";

constexpr const char* kFish = R"(# voicectl completion for fish. Load it: voicectl completion fish | source
function __voicectl_complete
    set -l words (commandline -opc)
    # Its quotes taken away; fish quotes what it inserts.
    set -l current (commandline -ct | string unescape)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':folders'
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c voicectl -f -a '(__voicectl_complete)'
)";

/// What the words before the last one have said: the command, the flag that waits for its value, how many
/// arguments stand there.
struct Place {
    const CLI::App* command;
    const CLI::Option* waiting = nullptr;
    std::vector<std::string> arguments;
    bool flags_over = false;
};

Place walk(const CLI::App& root, const std::vector<std::string>& words) {
    Place place{&root};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (place.waiting != nullptr) {
            place.waiting = nullptr;
        } else if (word == "--") {
            place.flags_over = true;
        } else if (word.starts_with('-') && !place.flags_over) {
            const auto* option = find_flag(*place.command, word);
            if (option != nullptr && option->get_type_size() != 0) place.waiting = option;
        } else if (const auto children = place.command->get_subcommands([&](const CLI::App* one) { return one->check_name(word); }); !children.empty()) {
            place.command = children.front();
        } else {
            place.arguments.push_back(word);
        }
    }
    return place;
}

void offer(Completion& out, const std::string& typed, const std::string& word, const std::string& about = {}) {
    if (word.starts_with(typed)) out.candidates.push_back({word, about});
}

void offer_rooms(Completion& out, const std::string& typed, Env& env) {
    const auto twirp = env.twirp();
    if (!twirp) return;
    const auto rooms = livekit::RoomApi(**twirp).list();
    if (!rooms) return;
    for (const auto& room : *rooms) offer(out, typed, room.name(), fmt::format("{} participants", room.num_participants()));
}

void offer_agents(Completion& out, const std::string& typed, Env& env) {
    const auto end = Clock::now() + kServerTime;
    const auto twirp = env.twirp();
    if (!twirp) return;
    const auto rooms = livekit::RoomApi(**twirp).list();
    if (!rooms) return;
    std::set<std::string> names;
    for (std::size_t i = 0; i < rooms->size() && i < kMostRoomsAsked && Clock::now() < end; ++i) {
        const auto dispatches = livekit::DispatchApi(**twirp).list((*rooms)[i].name());
        if (!dispatches) continue;
        for (const auto& one : *dispatches)
            if (!one.agent_name().empty()) names.insert(one.agent_name());
    }
    for (const auto& name : names) offer(out, typed, name, "agent");
}

void offer_profiles(Completion& out, const std::string& typed, Env& env) {
    const auto profiles = all_profiles(env.global, env.getenv());
    if (!profiles) return;
    for (const auto& one : *profiles) offer(out, typed, one.name, one.url);
}

void offer_settings(Completion& out, const std::string& typed, Env& env) {
    for (const char* key : {"default", "require_profile"}) offer(out, typed, key);
    const auto ours = read_config(config_path(env.global.config, env.getenv()));
    if (!ours) return;
    for (const auto& one : ours->profiles)
        for (const char* key : {"url", "api_key", "api_secret", "api_secret_file", "protected"}) offer(out, typed, fmt::format("profiles.{}.{}", one.name, key));
}

/// Behind "help": topics, then the words of commands.
Completion help_at(const CLI::App& command, const std::vector<std::string>& before, const std::string& typed) {
    Completion out;
    const auto* at = &command;
    while (at->get_parent() != nullptr) at = at->get_parent();
    for (const auto& word : before) {
        const auto children = at->get_subcommands([&](const CLI::App* one) { return one->check_name(word); });
        if (children.empty()) return out;
        at = children.front();
    }
    if (before.empty())
        for (const auto& one : topics()) offer(out, typed, one.name, one.summary);
    for (const auto& child : page_of(*at).children) offer(out, typed, child.path.back(), child.summary);
    return out;
}

Completion values(const FlagPage& flag, const std::string& typed, Env& env) {
    Completion out;
    for (const auto& choice : flag.choices) offer(out, typed, choice);
    const auto& kind = flag.value;
    if (kind == "ROOM") offer_rooms(out, typed, env);
    else if (kind == "AGENT") offer_agents(out, typed, env);
    else if (kind == "PROFILE") offer_profiles(out, typed, env);
    else if (kind == "SETTING") offer_settings(out, typed, env);
    else if (kind == "FILE") out.follow = Follow::Files;
    else if (kind == "DIR") out.follow = Follow::Folders;
    return out;
}

FlagPage page_of_option(const CLI::App& command, const CLI::Option& wanted) {
    for (const auto* at = &command; at != nullptr; at = at->get_parent()) {
        const auto page = page_of(*at);
        for (const auto& flag : page.flags)
            if (std::any_of(flag.names.begin(), flag.names.end(), [&](const auto& name) { return wanted.check_name(name); })) return flag;
    }
    return {};
}

void offer_flags(Completion& out, const std::string& typed, const CLI::App& command) {
    for (const auto* at = &command; at != nullptr; at = at->get_parent()) {
        if (at != &command && at->get_parent() != nullptr) continue;  // groups have none of their own
        for (const auto& flag : page_of(*at).flags)
            for (const auto& name : flag.names) offer(out, typed, name, flag.text);
    }
}

Completion arguments_at(const Place& place, const std::string& typed, Env& env) {
    Completion out;
    const auto page = page_of(*place.command);
    for (const auto& child : page.children) offer(out, typed, child.path.back(), child.summary);
    if (!page.children.empty() || page.arguments.empty()) return out;
    if (page.arguments.front().value == "TOPIC") return help_at(*place.command, place.arguments, typed);
    const auto index = std::min(place.arguments.size(), page.arguments.size() - 1);
    if (place.arguments.size() > index && !page.arguments[index].repeats) return out;
    return values(page.arguments[index], typed, env);
}

}  // namespace

std::string completion_script(const std::string& shell) { return shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish; }

Completion candidates(const std::vector<std::string>& words, Env& env) {
    Env parsing{Output(std::cerr, std::cerr, false, false), env.getenv()};
    const auto root = make_app(parsing);
    const auto place = walk(*root, words);
    const std::string typed = words.empty() ? std::string() : words.back();
    if (place.waiting != nullptr) return values(page_of_option(*place.command, *place.waiting), typed, env);
    if (const auto equals = typed.find('='); typed.starts_with("--") && equals != std::string::npos) {
        const auto* option = find_flag(*place.command, typed.substr(0, equals));
        if (option == nullptr) return {};
        auto out = values(page_of_option(*place.command, *option), typed.substr(equals + 1), env);
        for (auto& one : out.candidates) one.word = typed.substr(0, equals + 1) + one.word;
        return out;
    }
    if (typed.starts_with('-') && !place.flags_over) {
        Completion out;
        offer_flags(out, typed, *place.command);
        return out;
    }
    return arguments_at(place, typed, env);
}

namespace {

/// What the words before the one being written say about the server.
void take_server_flags(const std::vector<std::string>& words, GivenServer& given) {
    const std::pair<std::string_view, std::string*> flags[]{{"--profile", &given.profile}, {"--config", &given.config}, {"--url", &given.url},
                                                            {"--api-key", &given.api_key}, {"--api-secret", &given.api_secret},
                                                            {"--api-secret-file", &given.api_secret_file}};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string_view word = words[i];
        for (const auto& [flag, target] : flags) {
            if (word == flag && i + 2 < words.size()) *target = words[i + 1];
            if (word.starts_with(flag) && word.substr(flag.size()).starts_with('=')) *target = word.substr(flag.size() + 1);
        }
    }
}

/// Escaped, a name would be that of another room; as it is, it would be two words, or steer the terminal.
bool is_plain_line(const std::string& word) { return terminal_safe(word) == word; }

}  // namespace

int complete(const std::vector<std::string>& words, Env& env) {
    env.out.quiet = true;
    env.global.timeout = fmt::format("{}ms", kServerTime.count());
    take_server_flags(words, env.global);
    const auto found = candidates(words, env);
    if (found.follow == Follow::Files) (void)env.out.emit_raw(":files\n");
    if (found.follow == Follow::Folders) (void)env.out.emit_raw(":folders\n");
    for (const auto& one : found.candidates)
        if (is_plain_line(one.word)) (void)env.out.emit_raw(fmt::format("{}\t{}\n", one.word, terminal_safe(one.about)));
    return 0;
}

void add_completion(Command root, Env& env, Run<CompletionOptions> run) {
    auto o = std::make_shared<CompletionOptions>();
    auto cmd = root.add_subcommand("completion", "Print a completion script for a shell");
    cmd.footer(R"(Completes commands, flags, files, profiles, and names of rooms and agents (asked of the server within a quarter
of a second, silently left out when it is away).

Examples:
  source <(voicectl completion bash)
  voicectl completion zsh > ~/.zfunc/_voicectl
  voicectl completion fish > ~/.config/fish/completions/voicectl.fish)");
    cmd.add_option("shell", o->shell, "bash, zsh or fish").required().one_of({"bash", "zsh", "fish"});
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_completion(const CompletionOptions& o, Env& env) { return env.out.emit_raw(completion_script(o.shell)); }

}  // namespace voicectl::commands
