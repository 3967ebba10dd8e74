#include "commands/agent/status.h"

#include "commands/agent/health.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kAgentStatusHelp = R"(Asks an agent that runs with --health what it does: calls, load, processes, and why it takes no call. Exit 3 when it takes
none at this moment, 7 when nobody answers.

Examples:
  voicectl agent status
  voicectl agent status --health 10.0.0.5:8081 --json)";

constexpr std::chrono::seconds kPatience{3};

std::string status_summary(const Json& status) {
    auto out = fmt::format("agent {} (pid {}): {} of {} calls, CPU {:.0f} %, memory {:.0f} %\n", terminal_safe(scalar_text(status["agent"])), scalar_text(status["pid"]),
                           scalar_text(status["calls"]), scalar_text(status["capacity"]), status["load"]["cpu"].get<double>() * 100, status["load"]["memory"].get<double>() * 100);
    if (const auto cost = status.find("costUsd"); cost != status.end()) out += fmt::format("cost of the calls so far: {} USD\n", terminal_safe(scalar_text(*cost)));
    out += status["takesCalls"] == true ? "takes calls" : fmt::format("takes no calls: {}", terminal_safe(scalar_text(status["reason"])));
    for (const auto& one : status.value("troubledProviders", Json::array()))
        out += fmt::format("\n  {} {} is in trouble: held back by {}, being tried by {} of {} processes", terminal_safe(scalar_text(one["stage"])), terminal_safe(scalar_text(one["provider"])),
                           scalar_text(one["open"]), scalar_text(one["halfOpen"]), scalar_text(one["processes"]));
    for (const auto& one : status["processes"])
        out += fmt::format("\n  process {}: {} calls, {} old{}", scalar_text(one["pid"]), scalar_text(one["calls"]),
                           format_duration(std::chrono::seconds(one["ageSeconds"].get<std::int64_t>())), one["retiring"] == true ? ", ends with its last call" : "");
    return out;
}

}  // namespace

void add_agent_status(Command agent, Env& env, Run<AgentStatusOptions> run) {
    auto o = std::make_shared<AgentStatusOptions>();
    auto cmd = agent.add_subcommand("status", "Show what a running agent does").footer(kAgentStatusHelp);
    cmd.add_option("--health", o->health, "[HOST:]PORT on which it serves its health").capture_default().type_name("ADDRESS");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_agent_status(const AgentStatusOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto address, health_address(o.health));
    const auto host = address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
    auto answer = env.http().send({.url = fmt::format("http://{}:{}/status", host, address.port), .connect_timeout = kPatience, .total_timeout = kPatience});
    if (!answer)
        return fail_with_hint(Errc::Unreachable, fmt::format("no agent answers at {}:{}", host, address.port), "does it run, with --health and this port? see voicectl agent run --help");
    auto status = Json::parse(answer->body, nullptr, false);
    if (answer->status != 200 || !status.is_object() || !status.contains("takesCalls") || !status.contains("load"))
        return fail_with_hint(Errc::Protocol, fmt::format("what answers at {}:{} is no agent of voicectl", host, address.port), "check the port");
    VC_TRY(env.out.emit(status, status_summary(status), scalar_text(status["agent"])));
    if (status["takesCalls"] == true) return {};
    return fail(Errc::CheckFailed, "it takes no calls: {}", scalar_text(status["reason"]));
}

}  // namespace voicectl::commands
