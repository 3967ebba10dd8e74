#include "commands/room/outcome.h"

#include "commands/command.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLeast{1000};  // a healthy server needs no more than that; a loaded machine may

std::string indented(const Json& value) {
    auto text = json_text(value, 2);
    std::string out;
    for (const auto& line : split(text, '\n')) out += "\n  " + terminal_safe(line);
    return out;
}

}  // namespace

Result<void> show_dry_run(Env& env, const Json& request, std::string_view line, std::string_view name) {
    Json out{{"dryRun", true}};
    out.update(request);
    return env.out.emit(out, fmt::format("{}{}", line, indented(request)), name);
}

Result<void> show_dry_runs(Env& env, std::string_view noun, Json items, const std::vector<Column>& columns, std::string_view name_key) {
    for (auto& item : items) item["dryRun"] = true;
    if (env.out.format == Format::Json && env.out.fields.empty()) return env.out.emit({{"dryRun", true}, {std::string(noun), std::move(items)}}, "");
    return env.out.emit_list(noun, items, columns, name_key);
}

Json shown_items(const Output& out, const Json& items, const char* done) {
    if (out.format != Format::Name) return items;
    Json chosen = Json::array();
    for (const auto& item : items)
        if (item[done] == true) chosen.push_back(item);
    return chosen;
}

Json without_failed(const Output& out, const Json& items) {
    if (out.format != Format::Name) return items;
    Json chosen = Json::array();
    for (const auto& item : items)
        if (item["error"].is_null()) chosen.push_back(item);
    return chosen;
}

Result<std::map<std::string, std::string>> parse_pairs(std::string_view flag, const std::vector<std::string>& texts) {
    std::map<std::string, std::string> out;
    for (const auto& text : texts) {
        auto pair = parse_assignment(text);
        if (!pair)
            return fail_with_hint(Errc::Usage, fmt::format("{}: {}", flag, terminal_safe(pair.error().message)), fmt::format("write it like {} language=en", flag));
        if (!out.emplace(*pair).second) return fail(Errc::Usage, "{}: {} stands twice", flag, terminal_safe(pair->first));
    }
    return out;
}

Result<livekit::TwirpClient*> twirp_within(Env& env, milliseconds limit) {
    VC_TRY_ASSIGN(const auto usual, env.timeout());
    if (limit.count() != 0 && limit < usual) env.global.timeout = fmt::format("{}ms", std::max(limit, kLeast).count());
    return env.twirp();
}

void tell_call(Env& env, const livekit::CallTrace& call) {
    env.out.error_details["request"] = {{"service", call.service}, {"method", call.method}, {"status", call.status}, {"ms", call.elapsed.count()}};
}

}  // namespace voicectl::commands
