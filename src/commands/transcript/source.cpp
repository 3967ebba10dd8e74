#include "commands/transcript/source.h"

#include "voicectl/base/text.h"

namespace voicectl::commands {

StorePlace store_place(const std::string& flag, const Env& env) {
    if (!flag.empty()) return {flag, true};
    if (auto given = env.get("VOICECTL_STORE")) return {std::move(*given), true};
    return {store::default_path(), false};
}

Result<store::SystemTime> parse_when(const std::string& text, store::SystemTime now) {
    if (const auto ago = parse_duration(text)) return now - *ago;
    if (const auto time = parse_time(text)) return *time;
    return fail_with_hint(Errc::Usage, fmt::format("'{}' is neither a duration nor a time", text),
                          "write it like 2h, 15m or 2026-01-02T03:04:05Z");
}

Result<store::Call> find_call(store::Store& store, const std::string& id_or_room) {
    auto call = store.find(id_or_room);
    if (!call && call.error().code == Errc::NotFound) return fail_with_hint(Errc::NotFound, call.error().message, "voicectl transcript list");
    return call;
}

}  // namespace voicectl::commands
