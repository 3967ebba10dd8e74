#include "commands/store/store.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/store/care.h"

namespace voicectl::commands {
namespace {

constexpr const char* kStoreCheckHelp = R"(Reads all of it: pages and rows, tables and indexes, the journal, whether transcripts are whole, what points to what is
gone, and what waits in files. Nothing is changed. Exit 3 when something is wrong, each with what to do; at most 20 of a
kind. Who writes to a file waits meanwhile, and agents put what takes longer than 10 s into files of their own.

Examples:
  voicectl store check
  voicectl store check --json --get '/checks/*/findings/*/message')";

Json checks_json(const std::vector<store::StoreCheck>& checks) {
    Json out = Json::array();
    for (const auto& check : checks) {
        Json findings = Json::array();
        for (const auto& one : check.findings) findings.push_back({{"message", one.message}, {"hint", one.advice}});
        out.push_back({{"id", check.id}, {"title", check.title}, {"state", check.findings.empty() ? "ok" : "failed"}, {"findings", std::move(findings)}});
    }
    return out;
}

std::string checks_text(const std::vector<store::StoreCheck>& checks, const Output& out) {
    std::string text;
    for (const auto& check : checks) {
        const bool good = check.findings.empty();
        text += fmt::format("{} {:<8} {}\n", good ? out.green("✓", Stream::Results) : out.red("✗", Stream::Results), check.id, check.title);
        for (const auto& one : check.findings) text += fmt::format("  {}\n    {}\n", terminal_safe(one.message), out.dim("hint: " + terminal_safe(one.advice), Stream::Results));
    }
    return text;
}

Result<void> verdict_of(const std::vector<store::StoreCheck>& checks, const std::string& shown) {
    std::size_t wrong = 0;
    const store::StoreFinding* first = nullptr;
    for (const auto& check : checks) {
        wrong += check.findings.size();
        if (first == nullptr && !check.findings.empty()) first = &check.findings.front();
    }
    if (first == nullptr) return {};
    return fail_with_hint(Errc::CheckFailed, fmt::format("{} is not whole, {} findings; first: {}", shown, wrong, first->message), first->advice);
}

}  // namespace

void add_store_check(Command store, Env& env, Run<StoreCheckOptions> run) {
    auto options = std::make_shared<StoreCheckOptions>();
    auto command = store.add_subcommand("check", "Find out whether a store is whole");
    command.footer(kStoreCheckHelp);
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_store_check(const StoreCheckOptions& options, Env& env) {
    const auto place = store_place(options.store, env).path;
    const auto shown = store::shown_place(place);
    VC_TRY_ASSIGN(const auto care, store::StoreCare::open(place));
    VC_TRY_ASSIGN(const auto checks, care->check());
    const auto verdict = verdict_of(checks, shown);
    const Json report{{"schemaVersion", 1}, {"place", shown}, {"healthy", verdict.has_value()}, {"checks", checks_json(checks)}};
    VC_TRY(env.out.emit(report, checks_text(checks, env.out), verdict ? "healthy" : "not healthy"));
    return verdict;
}

}  // namespace voicectl::commands
