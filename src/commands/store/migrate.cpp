#include <filesystem>

#include "commands/store/store.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/store/care.h"

namespace voicectl::commands {
namespace {

constexpr const char* kStoreMigrateHelp = R"(Whatever writes to a store brings its schema up by itself; this does it at a time that you choose, after a copy of the
file beside it (NAME.vVERSION-….backup; --no-backup leaves that out). A PostgreSQL database is not copied: pg_dump does that.
One transaction: ended at any time it is the old schema or the new one. A store that is not there yet is made.

Examples:
  voicectl store migrate --dry-run
  voicectl store migrate --store /srv/voice/calls.db)";

Json migration_json(const std::string& place, const store::Migration& done, bool dry_run) {
    Json json{{"place", place}, {"from", done.from}, {"to", done.to}, {"migrated", !dry_run && done.from != done.to}, {"backup", nullptr}};
    if (!done.backup.empty()) json["backup"] = done.backup;
    if (dry_run) json["dryRun"] = true;
    return json;
}

std::string migration_text(const std::string& place, const store::Migration& done, bool dry_run) {
    const auto shown = terminal_safe(place);
    if (done.from == done.to) return fmt::format("{} has schema version {} already: nothing to do", shown, done.to);
    auto text = fmt::format("{}: schema version {} {} {}", shown, done.from, dry_run ? "would become" : "is now", done.to);
    if (!done.backup.empty()) text += fmt::format("; a copy of what it was: {}", terminal_safe(done.backup));
    return text;
}

/// What would be done, without making anything.
Result<store::Migration> planned(const std::string& place) {
    store::Migration out{0, store::known_schema_version(), {}};
    std::error_code error;
    if (!store::is_postgres_url(place) && place.find("://") == place.npos && !std::filesystem::exists(place, error)) return out;
    VC_TRY_ASSIGN(const auto care, store::StoreCare::open(place));
    VC_TRY_ASSIGN(out.from, care->known_schema());
    return out;
}

Result<store::Migration> migrated(const std::string& place, bool backup) {
    VC_TRY_ASSIGN(const auto care, store::StoreCare::create(place));
    return care->migrate(backup);
}

}  // namespace

void add_store_migrate(Command store, Env& env, Run<StoreMigrateOptions> run) {
    auto options = std::make_shared<StoreMigrateOptions>();
    auto command = store.add_subcommand("migrate", "Bring a store of an older schema up to date");
    command.footer(kStoreMigrateHelp);
    command.add_flag("--no-backup", options->no_backup, "Without the copy of the file");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_store_migrate(const StoreMigrateOptions& options, Env& env) {
    const auto place = store_place(options.store, env).path;
    const bool dry_run = env.global.dry_run;
    VC_TRY_ASSIGN(const auto done, dry_run ? planned(place) : migrated(place, !options.no_backup));
    const auto shown = store::shown_place(place);
    if (!dry_run) env.out.changed();
    return env.out.emit(migration_json(shown, done, dry_run), migration_text(shown, done, dry_run), shown);
}

}  // namespace voicectl::commands
