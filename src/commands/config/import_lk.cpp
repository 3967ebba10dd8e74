#include "commands/config/import_lk.h"

#include <algorithm>

#include "commands/profile/edit.h"

namespace voicectl::commands {

void add_config_import_lk(Command config, Env& env, Run<ConfigImportOptions> run) {
    auto o = std::make_shared<ConfigImportOptions>();
    auto cmd = config.add_subcommand("import-lk", "Copy the projects of LiveKit's lk into profiles");
    cmd.footer(R"(They are read where they are without this, too; a copy goes its own way from then on. Profiles of the same name
stay as they are without --overwrite.

Examples:
  voicectl config import-lk
  voicectl config import-lk ~/backup/cli-config.yaml --overwrite --dry-run)");
    cmd.add_option("file", o->file, "lk's configuration [~/.livekit/cli-config.yaml]").type_name("FILE");
    cmd.add_flag("--overwrite", o->overwrite, "Replace profiles of the same name");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_config_import_lk(const ConfigImportOptions& o, Env& env) {
    const auto from = o.file.empty() ? lk_config_path(env.getenv()) : o.file;
    VC_TRY_ASSIGN(const auto lk, read_lk_config(from));
    if (!lk.there) return fail_with_hint(Errc::NotFound, fmt::format("there is no {}", from), "lk writes it with `lk project add`");
    VC_TRY_ASSIGN(auto ours, read_config(config_path(env.global.config, env.getenv())));
    Json items = Json::array();
    for (auto profile : lk.profiles) {
        profile.of_lk = false;
        const auto at = std::find_if(ours.profiles.begin(), ours.profiles.end(), [&](const Profile& one) { return one.name == profile.name; });
        const bool there = at != ours.profiles.end();
        if (there && o.overwrite) {
            VC_TRY(env.change_profile(*at, fmt::format("replace profile {}", profile.name)));
            profile.needs_name = at->needs_name;
            *at = profile;
        }
        else if (!there) ours.profiles.push_back(profile);
        items.push_back({{"name", profile.name}, {"url", profile.url}, {"outcome", !there ? "imported" : o.overwrite ? "replaced" : "kept ours"}});
    }
    if (ours.default_profile.empty()) ours.default_profile = lk.default_profile;
    VC_TRY(write_config_unless_dry(ours, env));
    return env.out.emit_list("profiles", items, {column("PROFILE", "name"), column("URL", "url"), column("OUTCOME", "outcome")}, "name");
}

}  // namespace voicectl::commands
