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
constexpr std::chrono::seconds kReadyTime{30};
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
    recorder_.reset();
    server_.reset();
    listener_.reset();
    redis_.reset();
    storage_process_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

Result<void> Lab::start_server() {
    VC_TRY_ASSIGN(server_, livekit::LocalServer::start());
    address_ = server_->address();
    return {};
}

/// Objects are files of its folder; what else is to be known of them lies beside, for not every disk has attributes.
Result<void> Lab::start_storage() {
    VC_TRY_ASSIGN(const auto program, livekit::find_local_storage());
    auto& s3 = storage_.emplace();
    s3.set_bucket("recordings");
    s3.set_region("us-east-1");
    s3.set_endpoint(fmt::format("http://127.0.0.1:{}", livekit::free_port()));
    s3.set_force_path_style(true);
    s3.set_access_key(random_id(20));
    s3.set_secret(random_id(40));
    register_secret(s3.secret());
    std::error_code failed;
    for (const auto* name : {"/s3/recordings", "/about-s3"}) fs::create_directories(folder_ + name, failed);
    if (failed) return fail(Errc::Io, "cannot create {}/s3: {}", folder_, failed.message());
    ProcessSpec spec;
    spec.program = program;
    spec.arguments = {"--port", s3.endpoint().substr(std::string_view("http://").size()), "--region", s3.region(), "posix", "--sidecar", folder_ + "/about-s3", folder_ + "/s3"};
    spec.environment = {{"ROOT_ACCESS_KEY", s3.access_key()}, {"ROOT_SECRET_KEY", s3.secret()}};
    spec.working_directory = folder_;
    spec.output_path = folder_ + "/s3.log";
    VC_TRY_ASSIGN(storage_process_, Process::start(spec));
    return {};
}

/// One of our own commands, which writes NAME.ready once it works.
ProcessSpec Lab::part(const std::string& executable, const std::string& name, std::vector<std::string> arguments) const {
    ProcessSpec spec;
    spec.program = executable;
    spec.arguments = std::move(arguments);
    spec.arguments.insert(spec.arguments.end(), {"--ready-file", folder_ + "/" + name + ".ready"});
    spec.environment = {{"LIVEKIT_URL", address_.url}, {"LIVEKIT_API_KEY", address_.key.key}, {"LIVEKIT_API_SECRET", address_.key.secret}};
    spec.output_path = folder_ + "/" + name + ".log";
    return spec;
}

Result<nlohmann::json> Lab::wait_ready(Process& process, const std::string& name, Rendezvous& meeting) const {
    const auto ready = folder_ + "/" + name + ".ready";
    const auto deadline = Deadline::in(kReadyTime);
    while (!fs::exists(ready)) {
        if (const auto code = process.wait_for(std::chrono::milliseconds{20})) return std::unexpected(fault_of(name, *code));
        if (deadline.passed()) return fail(Errc::Timeout, "the {} was not ready within {} s", name, kReadyTime.count());
        VC_TRY(meeting.wait(Deadline::in(Duration::zero()), [] { return true; }));  // Ctrl-C
    }
    VC_TRY_ASSIGN(const auto text, read_file(ready, 4096));
    auto told = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!told.is_object()) return fail(Errc::Protocol, "the ready file of the {} is not understood", name);
    return told;
}

Result<void> Lab::start_recorded_server(const std::string& executable, const std::string& files, bool s3, const std::string& store, Rendezvous& meeting) {
    VC_TRY_ASSIGN(const auto redis, livekit::find_local_redis());
    const auto redis_port = livekit::free_port();
    VC_TRY_ASSIGN(redis_, Process::start({redis, {"--port", std::to_string(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}, {}, folder_, folder_ + "/redis.log"}));

    livekit::LocalServerOptions options;
    options.key = address_.key = {"API" + random_id(10), random_id(48)};
    register_secret(address_.key.secret);
    options.redis = fmt::format("127.0.0.1:{}", redis_port);
    const auto database = store::split_password(store);
    auto listener = part(executable, "webhook receiver", {"webhook", "listen", "--port", "0", "--store", database.place, "--quiet"});
    if (!database.password.empty()) listener.environment.emplace_back("PGPASSWORD", database.password);
    VC_TRY_ASSIGN(listener_, Process::start(listener));
    VC_TRY_ASSIGN(const auto told, wait_ready(*listener_, "webhook receiver", meeting));
    options.webhooks = {told.value("url", std::string())};
    VC_TRY_ASSIGN(server_, livekit::LocalServer::start(options));
    address_ = server_->address();

    if (s3) VC_TRY(start_storage());
    auto recorder = part(executable, "recorder", {"egress", "serve", "--redis", options.redis, "--folder", folder_ + "/recorder", "--files", files, "--max-cpu", "100"});
    // Empty: none, whatever the environment of this machine has.
    const auto& to = storage_ ? *storage_ : livekit::proto::S3Upload::default_instance();
    for (const auto& [name, value] : {std::pair{"BUCKET", to.bucket()}, {"ENDPOINT", to.endpoint()}, {"REGION", to.region()}, {"ACCESS_KEY", to.access_key()}, {"SECRET_KEY", to.secret()}})
        recorder.environment.emplace_back(fmt::format("RECORDING_S3_{}", name), value);
    VC_TRY_ASSIGN(recorder_, Process::start(recorder));
    VC_TRY(wait_ready(*recorder_, "recorder", meeting));
    return {};
}

Result<std::string> Lab::start_agent(const std::string& executable, const std::string& config, const std::string& store, Rendezvous& meeting) {
    auto file = config;
    if (file.empty()) {
        file = folder_ + "/receptionist.yaml";
        VC_TRY(write_file_atomically(file, kBuiltinAgent, 0600));
    }
    const auto database = store::split_password(store);
    auto spec = part(executable, "agent", {"agent", "run", file, "--dev", "--store", database.place});
    if (!database.password.empty()) spec.environment.emplace_back("PGPASSWORD", database.password);
    VC_TRY_ASSIGN(agent_, Process::start(spec));
    VC_TRY_ASSIGN(const auto told, wait_ready(*agent_, "agent", meeting));
    if (!told.contains("agent") || !told["agent"].is_string())
        return fail(Errc::Protocol, "the agent's ready file is not understood");
    return told["agent"].get<std::string>();
}

// It has said why on its standard error.
Error Lab::fault_of(const std::string& name, int exit_code) const {
    std::string said, hint;
    for (const auto& line : split(read_file(folder_ + "/" + name + ".log").value_or(""), '\n')) {
        if (line.starts_with("error:")) said = std::string(trim(line.substr(6)));
        if (line.starts_with("hint:")) hint = std::string(trim(line.substr(5)));
    }
    return {exit_code == 2 ? Errc::Config : Errc::Other,
            fmt::format("the {} ended with code {}{}{}", name, exit_code, said.empty() ? "" : ": ", redact(said)), hint};
}

Result<void> Lab::stop_recorder() {
    for (auto* part : {&recorder_, &listener_}) {
        if (!*part) continue;
        (*part)->signal(SIGTERM);
        const auto name = part == &recorder_ ? "recorder" : "webhook receiver";
        const auto code = (*part)->wait_for(kStopTime);
        if (!code) return fail(Errc::CheckFailed, "the {} did not stop within {} s", name, kStopTime.count());
        if (*code != 0) return fail(Errc::CheckFailed, "the {} ended with code {}", name, *code);
        part->reset();
    }
    return {};
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
