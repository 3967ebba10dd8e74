#include "commands/egress/view.h"
#include "commands/store/store.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/store/care.h"

namespace voicectl::commands {
namespace {

constexpr const char* kStoreVacuumHelp = R"(Gives space that is no longer used back: of a file to the disk; of a PostgreSQL database to its tables, and what lies at
their ends to the disk (VACUUM ANALYZE). A file is not touched while another process writes to it (exit 8); who writes
meanwhile waits. --older-than removes finished calls with their transcripts, sessions that are not active, and webhook events
that ended, or came, longer ago; calls and sessions that are open stay, and so does what is known of recordings, whose files
are where they are. That needs --yes where nobody can be asked; --dry-run counts.

Examples:
  voicectl store vacuum
  voicectl store vacuum --older-than 90d --dry-run
  voicectl store vacuum --older-than 90d --yes)";

std::string rows_text(const store::OldRows& rows) {
    return fmt::format("{} calls with {} turns, {} sessions, {} events", rows.calls, rows.turns, rows.sessions, rows.events);
}

Json rows_json(const store::OldRows& rows) { return {{"calls", rows.calls}, {"turns", rows.turns}, {"sessions", rows.sessions}, {"events", rows.events}}; }

struct Vacuum {
    std::string shown;
    std::optional<store::OldRows> old;  // with --older-than
    std::optional<store::Vacuumed> bytes;
};

Json vacuum_json(const Vacuum& vacuum) {
    Json json{{"place", vacuum.shown}, {"removed", nullptr}, {"bytesBefore", nullptr}, {"bytesAfter", nullptr}};
    if (!vacuum.bytes) json["dryRun"] = true;
    if (vacuum.old) json["removed"] = rows_json(*vacuum.old);
    if (vacuum.bytes) {
        json["bytesBefore"] = vacuum.bytes->before;
        json["bytesAfter"] = vacuum.bytes->after;
    }
    return json;
}

std::string vacuum_text(const Vacuum& vacuum) {
    std::string text;
    if (vacuum.old) text = fmt::format("{} {}\n", vacuum.bytes ? "removed" : "would remove", rows_text(*vacuum.old));
    const auto shown = terminal_safe(vacuum.shown);
    if (!vacuum.bytes) return text + fmt::format("would give back what {} does not use", shown);
    return text + fmt::format("{}: {} before, {} now", shown, format_bytes(vacuum.bytes->before), format_bytes(vacuum.bytes->after));
}

}  // namespace

void add_store_vacuum(Command store, Env& env, Run<StoreVacuumOptions> run) {
    auto options = std::make_shared<StoreVacuumOptions>();
    auto command = store.add_subcommand("vacuum", "Give space back, and remove what is old");
    command.footer(kStoreVacuumHelp);
    command.add_option("--older-than", options->older_than, "Also remove what was over longer ago than this").type_name("TIME");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_store_vacuum(const StoreVacuumOptions& options, Env& env) {
    const bool removes = !options.older_than.empty();
    VC_TRY_ASSIGN(const auto age, time_of("--older-than", options.older_than));
    if (removes && !env.global.dry_run) VC_TRY(env.may_ask("removing what is old"));
    const auto place = store_place(options.store, env).path;
    Vacuum vacuum{store::shown_place(place), {}, {}};
    VC_TRY_ASSIGN(const auto care, store::StoreCare::open(place));
    const auto before = std::chrono::system_clock::now() - age;
    if (removes) {
        VC_TRY_ASSIGN(vacuum.old, care->count_old(before));
    } else if (env.global.dry_run) {
        VC_TRY(care->known_schema());
    }
    if (env.global.dry_run) return env.out.emit(vacuum_json(vacuum), vacuum_text(vacuum), vacuum.shown);
    env.out.changed();
    if (removes && *vacuum.old != store::OldRows{}) {
        VC_TRY(env.confirm(fmt::format("removing {} from {}", rows_text(*vacuum.old), vacuum.shown)));
        VC_TRY_ASSIGN(vacuum.old, care->remove_old(before));
    }
    auto given_back = care->vacuum();
    if (!given_back && vacuum.old && *vacuum.old != store::OldRows{}) {
        auto error = std::move(given_back).error();
        error.message = fmt::format("{} are removed, but {}", rows_text(*vacuum.old), error.message);
        return std::unexpected(std::move(error));
    }
    VC_TRY_ASSIGN(vacuum.bytes, std::move(given_back));
    return env.out.emit(vacuum_json(vacuum), vacuum_text(vacuum), vacuum.shown);
}

}  // namespace voicectl::commands
