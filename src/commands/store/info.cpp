#include "commands/egress/view.h"
#include "commands/store/store.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/store/care.h"

namespace voicectl::commands {
namespace {

constexpr const char* kStoreInfoHelp = R"(Where it is, how its schema stands to this voicectl's, its size, what it holds and what waits in files for it. Nothing is
changed, and a store of an older schema stays as it is.

Examples:
  voicectl store info
  voicectl store info --store postgres://voicectl@db/voice --get /schemaVersion)";

void add_time(Json& json, const std::string& key, const std::optional<store::SystemTime>& time) {
    json[key] = time ? Json(format_time(*time)) : Json();
    json[key + "Ms"] = time ? Json(std::chrono::floor<std::chrono::milliseconds>(time->time_since_epoch()).count()) : Json();
}

Json store_info_json(const std::string& place, const store::StoreInfo& info) {
    Json json{{"place", place},
              {"engine", info.engine},
              {"engineVersion", info.engine_version},
              {"schemaVersion", info.schema},
              {"knownSchemaVersion", store::known_schema_version()},
              {"upToDate", info.schema == store::known_schema_version()},
              {"sizeBytes", info.bytes},
              {"calls", info.calls},
              {"activeCalls", info.active_calls},
              {"turns", info.turns},
              {"sessions", info.sessions},
              {"events", info.events},
              {"recordings", info.recordings},
              {"waitingDeliveries", info.waiting_deliveries}};
    add_time(json, "oldestAt", info.oldest);
    add_time(json, "newestAt", info.newest);
    json["spool"] = {{"folder", info.spool_folder}, {"files", info.spool.files}, {"bytes", info.spool.bytes}, {"rejectedBytes", info.spool.rejected_bytes}};
    return json;
}

std::string schema_text(int version) {
    const int known = store::known_schema_version();
    if (version == known) return std::to_string(version);
    if (version > known) return fmt::format("{}, newer than the {} that this voicectl knows", version, known);
    return fmt::format("{}; this voicectl writes {}: voicectl store migrate, or whatever writes next, brings it up", version, known);
}

std::string store_info_text(const std::string& place, const store::StoreInfo& info) {
    std::string out;
    const auto line = [&](std::string_view name, std::string_view value) { out += fmt::format("{:<11} {}\n", name, terminal_safe(value)); };
    line("place", place);
    line("engine", info.engine + " " + info.engine_version);
    line("schema", schema_text(info.schema));
    line("size", format_bytes(info.bytes));
    line("calls", fmt::format("{}, {} of them active; {} turns", info.calls, info.active_calls, info.turns));
    line("sessions", std::to_string(info.sessions));
    line("events", fmt::format("{}; {} deliveries wait", info.events, info.waiting_deliveries));
    line("recordings", std::to_string(info.recordings));
    if (info.oldest) line("oldest", format_time(*info.oldest));
    if (info.newest) line("newest", format_time(*info.newest));
    if (info.spool.files > 0) line("waiting", fmt::format("{} files, {}, in {}", info.spool.files, format_bytes(static_cast<std::int64_t>(info.spool.bytes)), info.spool_folder));
    if (info.spool.rejected_bytes > 0) line("refused", fmt::format("{} in {}/rejected.jsonl", format_bytes(static_cast<std::int64_t>(info.spool.rejected_bytes)), info.spool_folder));
    return out;
}

}  // namespace

void add_store_info(Command store, Env& env, Run<StoreInfoOptions> run) {
    auto options = std::make_shared<StoreInfoOptions>();
    auto command = store.add_subcommand("info", "Show where a store is, its schema, its size and what it holds");
    command.footer(kStoreInfoHelp);
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_store_info(const StoreInfoOptions& options, Env& env) {
    const auto place = store_place(options.store, env).path;
    VC_TRY_ASSIGN(const auto care, store::StoreCare::open(place));
    VC_TRY_ASSIGN(const auto info, care->info());
    const auto shown = store::shown_place(place);
    return env.out.emit(store_info_json(shown, info), store_info_text(shown, info), shown);
}

}  // namespace voicectl::commands
