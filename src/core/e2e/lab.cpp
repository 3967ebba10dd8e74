#include "lab.h"

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "e2e_builtin.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/store/store.h"

namespace voicectl::e2e {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kRegisterTime{30};
constexpr std::chrono::seconds kStopTime{5};

}  // namespace

Result<std::unique_ptr<Lab>> Lab::create() {
    std::unique_ptr<Lab> lab(new Lab);
    lab->folder_ = (fs::temp_directory_path() / ("voicectl-call-" + random_id(10))).string();
    std::error_code failed;
    fs::create_directory(lab->folder_, failed);
    if (failed) return fail(Errc::Io, "cannot create {}: {}", lab->folder_, failed.message());
    fs::permissions(lab->folder_, fs::perms::owner_all, failed);
    return lab;
}

Lab::~Lab() {
    agent_.reset();
    server_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

Result<void> Lab::start_server() {
    VC_TRY_ASSIGN(server_, livekit::LocalServer::start());
    return {};
}

Result<std::string> Lab::start_agent(const std::string& executable, const std::string& config, const std::string& store, Rendezvous& meeting) {
    auto file = config;
    if (file.empty()) {
        file = folder_ + "/receptionist.yaml";
        VC_TRY(write_file_atomically(file, kBuiltinAgent, 0600));
    }
    const auto ready = folder_ + "/agent.ready";
    const auto database = store::split_password(store);
    ProcessSpec spec;
    spec.program = executable;
    spec.arguments = {"agent", "run", file, "--dev", "--ready-file", ready, "--store", database.place};
    spec.environment = {{"LIVEKIT_URL", server().url},
                        {"LIVEKIT_API_KEY", server().key.key},
                        {"LIVEKIT_API_SECRET", server().key.secret}};
    if (!database.password.empty()) spec.environment.emplace_back("PGPASSWORD", database.password);
    spec.output_path = folder_ + "/agent.log";
    VC_TRY_ASSIGN(agent_, Process::start(spec));
    const auto deadline = Deadline::in(kRegisterTime);
    while (!fs::exists(ready)) {
        if (const auto code = agent_->wait_for(std::chrono::milliseconds{20})) return std::unexpected(agent_fault(*code));
        if (deadline.passed()) return fail(Errc::Timeout, "the agent did not register within {} s", kRegisterTime.count());
        VC_TRY(meeting.wait(Deadline::in(Duration::zero()), [] { return true; }));  // Ctrl-C
    }
    VC_TRY_ASSIGN(const auto text, read_file(ready, 4096));
    const auto told = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!told.is_object() || !told.contains("agent") || !told["agent"].is_string())
        return fail(Errc::Protocol, "the agent's ready file is not understood");
    return told["agent"].get<std::string>();
}

// The agent has said why on its standard error.
Error Lab::agent_fault(int exit_code) const {
    std::string said, hint;
    for (const auto& line : split(read_file(folder_ + "/agent.log").value_or(""), '\n')) {
        if (line.starts_with("error:")) said = std::string(trim(line.substr(6)));
        if (line.starts_with("hint:")) hint = std::string(trim(line.substr(5)));
    }
    return {exit_code == 2 ? Errc::Config : Errc::Other,
            fmt::format("the agent ended with code {}{}{}", exit_code, said.empty() ? "" : ": ", redact(said)), hint};
}

Result<void> Lab::stop_agent() {
    if (!agent_) return {};
    agent_->signal(SIGTERM);
    const auto code = agent_->wait_for(kStopTime);
    if (!code) return fail(Errc::CheckFailed, "the agent did not stop within {} s", kStopTime.count());
    if (*code != 0) return fail(Errc::CheckFailed, "the agent ended with code {}", *code);
    agent_.reset();
    return {};
}

Result<void> Lab::stop_server() {
    server_.reset();
    return {};
}

}  // namespace voicectl::e2e
