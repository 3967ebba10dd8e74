#include "commands/help/help.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "commands/reference/manual.h"
#include "commands/reference/topics.h"
#include "commands/root.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

std::string contents() {
    std::string out = "Topics:\n";
    for (const auto& one : topics()) out += fmt::format("  voicectl help {:<13} {}\n", one.name, one.summary);
    return out + "\nCommands: voicectl --help\n";
}

std::vector<std::string> topic_names() {
    std::vector<std::string> names;
    for (const auto& one : topics()) names.emplace_back(one.name);
    return names;
}

Result<std::string> help_of_command(const std::vector<std::string>& words) {
    Env unused{Output(std::cerr, std::cerr, false, false)};
    const auto app = make_app(unused);
    const CLI::App* at = app.get();
    for (const auto& word : words) {
        const auto children = at->get_subcommands([&](const CLI::App* one) { return one->check_name(word); });
        if (children.empty()) {
            return fail_with_hint(Errc::Usage, fmt::format("there is no topic or command '{}'", terminal_safe(word)),
                                  fmt::format("topics: {}; voicectl --help lists the commands", fmt::join(topic_names(), ", ")));
        }
        at = children.front();
    }
    return help_text(page_of(*at));
}

}  // namespace

void add_help(Command root, Env& env, Run<HelpOptions> run) {
    auto o = std::make_shared<HelpOptions>();
    auto cmd = root.add_subcommand("help", "Explain a topic or a command");
    cmd.footer("Examples:\n  voicectl help exit-codes\n  voicectl help room create");
    cmd.add_option("topic", o->words, "A topic, or the words of a command").type_name("TOPIC");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_help(const HelpOptions& o, Env& env) {
    if (o.words.empty()) return env.out.emit_raw(contents());
    if (const auto* found = o.words.size() == 1 ? topic(o.words.front()) : nullptr) return env.out.emit_raw(fmt::format("{}\n\n{}\n", found->summary, found->text));
    VC_TRY_ASSIGN(const auto text, help_of_command(o.words));
    return env.out.emit_raw(text);
}

}  // namespace voicectl::commands
