#include <algorithm>

#include "commands/call/recording.h"
#include "commands/call/start.h"
#include "commands/shell.h"
#include "commands/token/create.h"
#include "commands/token/roles.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kEmptyTimeout = "5m";

Result<void> check_agents(const std::vector<std::string>& agents) {
    auto sorted = agents;
    std::sort(sorted.begin(), sorted.end());
    if (!sorted.empty() && sorted.front().empty()) return fail(Errc::Usage, "--agent names no agent");
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) return fail(Errc::Usage, "--agent {} stands twice", terminal_safe(*twice));
    return {};
}

Result<std::string> room_name(const CallStartOptions& o, std::chrono::system_clock::time_point now) {
    if (!o.room.empty()) return o.room;
    return fill_room_template(o.room_template, {o.fields.user, o.agents.empty() ? std::string() : o.agents.front(), now});
}

std::string caller_token(const CallPlan& plan, const livekit::ApiKey& key, seconds life, std::chrono::system_clock::time_point now) {
    livekit::Claims claims;
    claims.identity = plan.identity;
    apply_role("caller", claims);
    claims.video.room = plan.room;
    return livekit::mint(key, claims, life, now);
}

}  // namespace

Result<CallPlan> plan_call(const CallStartOptions& o, const livekit::Server& server, const Env::Getenv& environment,
                           std::chrono::system_clock::time_point now) {
    CallPlan plan;
    VC_TRY(check_agents(o.agents));
    plan.agents = o.agents;
    auto fields = o.fields;
    fields.schema = !o.no_schema;
    VC_TRY_ASSIGN(fields.metadata, read_payload(o.metadata));
    VC_TRY_ASSIGN(plan.metadata, call_metadata(fields));
    VC_TRY_ASSIGN(plan.room, room_name(o, now));
    plan.identity = !o.identity.empty() ? o.identity : !o.fields.user.empty() ? o.fields.user : "caller-" + random_id(8);
    if (!o.no_wait) {
        VC_TRY_ASSIGN(plan.wait, time_of("--wait", o.wait));
    }
    VC_TRY_ASSIGN(const auto life, time_of("--token-valid-for", o.valid_for));
    VC_TRY_ASSIGN(const auto empty, time_of("--empty-timeout", o.empty_timeout.empty() ? kEmptyTimeout : o.empty_timeout));
    if (life < seconds(1) || empty < seconds(1)) return fail(Errc::Usage, "--token-valid-for and --empty-timeout are whole seconds");
    if (life > kLongestTokenLife)
        return fail_with_hint(Errc::Usage, "--token-valid-for: a token that lives for more than a year", "nothing can call a token back: name a shorter life");
    if (empty / seconds(1) > UINT32_MAX) return fail(Errc::Usage, "--empty-timeout {} is too long", o.empty_timeout);
    plan.empty_timeout_given = !o.empty_timeout.empty();
    plan.empty_timeout = static_cast<std::uint32_t>(empty / seconds(1));
    if (!o.record.empty()) {
        VC_TRY_ASSIGN(plan.recording, recording_request(o.record, plan.room, environment));
    }
    plan.url = server.url;
    plan.expires = now + life;
    plan.token = caller_token(plan, server.key, std::chrono::duration_cast<seconds>(life), now);
    return plan;
}

std::string shell_variables(const std::vector<std::pair<std::string, std::string>>& values) {
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/@%+,=";
    std::string out;
    for (const auto& [name, value] : values) {
        const bool plain = value.find_first_not_of(kPlain) == std::string::npos;
        out += fmt::format("{}{}={}", out.empty() ? "" : "\n", name, plain ? value : shell_quoted(value));
    }
    return out;
}

}  // namespace voicectl::commands
