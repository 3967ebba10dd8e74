#include "commands/transcript/source.h"

#include "voicectl/base/text.h"

namespace voicectl::commands {

void add_store_choice(Command command, std::string& place) {
    command.add_option("--store", place, "Store: a file, or postgres://… [VOICECTL_STORE]").type_name("PATH");
}

StorePlace store_place(const std::string& flag, Env& env) {
    warn_of_password(flag, env);
    if (!flag.empty()) return {flag, true};
    if (auto given = env.get("VOICECTL_STORE")) return {std::move(*given), true};
    return {store::default_path(), false};
}

Result<std::unique_ptr<store::Store>> store_to_read(const std::string& flag, Env& env) {
    const auto place = store_place(flag, env);
    auto store = store::Store::open_existing(place.path);
    if (!store && store.error().code == Errc::NotFound && !place.chosen) return nullptr;
    return store;
}

void warn_of_password(const std::string& flag, Env& env) {
    if (store::split_password(flag).password.empty()) return;
    env.out.warn("a password on the command line can be read by every user of this machine; use VOICECTL_STORE, PGPASSWORD or ~/.pgpass");
}

Result<store::SystemTime> parse_when(const std::string& text, store::SystemTime now) {
    if (const auto ago = parse_duration(text)) return now - *ago;
    if (const auto time = parse_time(text)) return *time;
    return fail_with_hint(Errc::Usage, fmt::format("'{}' is neither a duration nor a time", text),
                          "write it like 2h, 15m or 2026-01-02T03:04:05Z");
}

void add_call_choice(Command command, CallChoice& choice) {
    command.add_option("--room", choice.room, "Only this room").type_name("ROOM");
    command.add_option("--agent", choice.agent, "Only calls of this agent name").type_name("AGENT");
    command.add_option("--since", choice.since, "Only calls that began since then").type_name("WHEN");
    command.add_option("--until", choice.until, "Only calls that began before then").type_name("WHEN");
    command.add_option("--match", choice.match, "Only calls in which this was said").type_name("TEXT");
}

Result<store::CallFilter> make_filter(const CallChoice& choice) {
    store::CallFilter filter;
    filter.room = choice.room;
    filter.agent_name = choice.agent;
    filter.text = choice.match;
    filter.limit = 0;
    const auto now = std::chrono::system_clock::now();
    if (!choice.since.empty()) {
        VC_TRY_ASSIGN(filter.since, parse_when(choice.since, now));
    }
    if (!choice.until.empty()) {
        VC_TRY_ASSIGN(filter.until, parse_when(choice.until, now));
    }
    if (filter.since && filter.until && *filter.since >= *filter.until)
        return fail(Errc::Usage, "--since {} is not before --until {}", choice.since, choice.until);
    return filter;
}

Result<store::Call> find_call(store::Store& store, const std::string& id_or_room) {
    auto call = store.find(id_or_room);
    if (!call && call.error().code == Errc::NotFound) return fail_with_hint(Errc::NotFound, call.error().message, "voicectl transcript list");
    return call;
}

}  // namespace voicectl::commands
