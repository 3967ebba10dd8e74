#include "commands/agent/host.h"

#include <sys/stat.h>

#include "commands/agent/call_parts.h"
#include "voicectl/agent/processes.h"
#include "voicectl/base/log.h"

namespace voicectl::commands {
namespace {

// The supervisor has found the file of prices good; somebody may be writing it now, and that must cost no call.
void forgive_prices(agent::LoadedConfig& loaded, const std::string& file) {
    std::erase_if(loaded.faults, [&](const agent::ConfigFault& fault) {
        if (fault.file == file && fault.key != "prices") return false;
        log::error("agent", "prices are left out", {{"fault", fault.to_string()}});
        return true;
    });
}

}  // namespace

void add_agent_host(Command agent, Env& env, Run<AgentHostOptions> run) {
    auto options = std::make_shared<AgentHostOptions>();
    const auto command = agent.add_subcommand("host", "Carry calls for the supervisor that started this").hidden();
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_agent_host(const AgentHostOptions&, Env& env) {
    struct stat about {};
    if (fstat(kSupervisorSocket, &about) != 0 || !S_ISSOCK(about.st_mode))
        return fail_with_hint(Errc::Usage, "agent host is started by agent run alone", "voicectl agent run CONFIG");
    AsioLoop loop;
    std::unique_ptr<CallParts> parts;
    return agent::serve_calls(loop, kSupervisorSocket, [&](const agent::ProcessSetup& setup) -> Result<agent::CallHost*> {
        log::configure(setup.quiet ? log::Level::Warn : setup.debug ? log::Level::Debug : log::Level::Info,
                       setup.log_json ? log::Format::Json : log::Format::Pretty);
        auto loaded = agent::parse_config(setup.yaml, setup.file, setup.files);
        forgive_prices(loaded, setup.file);
        if (!loaded.faults.empty()) return std::unexpected(agent::to_error(loaded.faults));
        if (!setup.name.empty()) loaded.config.name = setup.name;
        if (!setup.store.empty()) loaded.config.store = setup.store;
        VC_TRY_ASSIGN(parts, CallParts::build(std::move(loaded), loop, env, setup.supervisor));
        return &parts->host();
    });
}

}  // namespace voicectl::commands
