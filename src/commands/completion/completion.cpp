#include "commands/completion/completion.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <set>

#include "commands/reference/manual.h"
#include "commands/reference/topics.h"
#include "commands/root.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::milliseconds kServerTime{250};
constexpr std::size_t kMostRoomsAsked = 20;  // for their agents

constexpr const char* kBash = R"(# voicectl completion for bash. Load it: source <(voicectl completion bash)
_voicectl() {
  local IFS=$'\n' line current=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
      :folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")) ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _voicectl voicectl
)";

constexpr const char* kZsh = R"(#compdef voicectl
# voicectl completion for zsh. Put it on $fpath as _voicectl, or: source <(voicectl completion zsh)
_voicectl() {
  local line word about
  local -a found
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :files) _files; return ;;
      :folders) _files -/; return ;;
      '') ;;
      *) word=${line%%$'\t'*}; about=${line#*$'\t'}; found+=("${word//:/\\:}:$about") ;;
    esac
  done
  _describe voicectl found
}
if [ "$funcstack[1]" = _voicectl ]; then _voicectl "$@"; else compdef _voicectl voicectl; fi
)";

constexpr const char* kFish = R"(# voicectl completion for fish. Load it: voicectl completion fish | source
function __voicectl_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':folders'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
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
    std::size_t arguments = 0;
    bool flags_over = false;
};

const CLI::Option* find_flag(const CLI::App& command, const std::string& name) {
    for (const auto* at = &command; at != nullptr; at = at->get_parent())
        for (const auto* option : at->get_options({}))
            if (option->check_name(name)) return option;
    return nullptr;
}

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
            ++place.arguments;
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

Completion values(const FlagPage& flag, const std::string& typed, Env& env) {
    Completion out;
    for (const auto& choice : flag.choices) offer(out, typed, choice);
    const auto& kind = flag.value;
    if (kind == "ROOM") offer_rooms(out, typed, env);
    else if (kind == "AGENT") offer_agents(out, typed, env);
    else if (kind == "PROFILE") offer_profiles(out, typed, env);
    else if (kind == "TOPIC")
        for (const auto& one : topics()) offer(out, typed, one.name, one.summary);
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
    const auto index = std::min(place.arguments, page.arguments.size() - 1);
    if (place.arguments > index && !page.arguments[index].repeats) return out;
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

int complete(const std::vector<std::string>& words, Env& env) {
    env.out.quiet = true;
    env.global.timeout = fmt::format("{}ms", kServerTime.count());
    for (std::size_t i = 0; i + 2 < words.size(); ++i)
        if (words[i] == "--profile") env.global.profile = words[i + 1];
    const auto found = candidates(words, env);
    if (found.follow == Follow::Files) (void)env.out.emit_raw(":files\n");
    if (found.follow == Follow::Folders) (void)env.out.emit_raw(":folders\n");
    for (const auto& one : found.candidates) (void)env.out.emit_raw(fmt::format("{}\t{}\n", terminal_safe(one.word), terminal_safe(one.about)));
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
