#include "commands/help/docs.h"

#include <CLI/CLI.hpp>

#include <filesystem>

#include "commands/completion/completion.h"
#include "commands/reference/manual.h"
#include "commands/root.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBegin = "<!-- commands -->\n", kEnd = "<!-- end of commands -->";

Result<void> make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    return error ? fail(Errc::Io, "cannot make {}: {}", path.string(), error.message()) : Result<void>{};
}

Result<void> write_man(const CLI::App& root, const fs::path& folder) {
    const auto globals = page_of(root).flags;
    for (const auto* command : all_commands(root)) {
        const auto page = page_of(*command);
        VC_TRY(write_file_atomically(folder / fmt::format("{}.1", fmt::join(page.path, "-")), man_page(page, globals, VOICECTL_VERSION)));
    }
    return {};
}

Result<void> write_readme(const CLI::App& root, const fs::path& file) {
    VC_TRY_ASSIGN(auto text, read_file(file));
    const auto begin = text.find(kBegin);
    const auto end = text.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos) return {};  // some other README
    text.replace(begin + kBegin.size(), end - begin - kBegin.size(), readme_table(root));
    return write_file_atomically(file, text);
}

}  // namespace

void add_docs(Command root, Env& env, Run<DocsOptions> run) {
    auto o = std::make_shared<DocsOptions>();
    auto cmd = root.add_subcommand("docs", "Write man pages, completions and the README's table of commands").hidden();
    cmd.footer("Example:\n  voicectl docs .");
    cmd.add_option("folder", o->folder, "Folder with man/, completions/ and README.md").required();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_docs(const DocsOptions& o, Env& /*env*/) {
    Env unused{Output(std::cerr, std::cerr, false, false)};
    const auto root = make_app(unused);
    const fs::path folder = o.folder;
    for (const char* part : {"man", "completions"}) VC_TRY(make_folder(folder / part));
    VC_TRY(write_man(*root, folder / "man"));
    VC_TRY(write_file_atomically(folder / "completions/voicectl.bash", completion_script("bash")));
    VC_TRY(write_file_atomically(folder / "completions/_voicectl", completion_script("zsh")));
    VC_TRY(write_file_atomically(folder / "completions/voicectl.fish", completion_script("fish")));
    if (fs::exists(folder / "README.md")) VC_TRY(write_readme(*root, folder / "README.md"));
    return {};
}

}  // namespace voicectl::commands
