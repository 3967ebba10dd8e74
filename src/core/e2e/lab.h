// The parts of a --local call: a livekit-server and an agent process of our own, with everything they write
// in one private folder. The destructor ends both and removes the folder.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rendezvous.h"
#include "voicectl/base/process.h"
#include "voicectl/livekit/api.h"
#include "voicectl/livekit/local_server.h"

namespace voicectl::e2e {

class Lab {
 public:
    static Result<std::unique_ptr<Lab>> create();
    ~Lab();

    Result<void> start_server();
    /// The same with Redis, a recorder (`egress serve`, its files go to `files`, or to an S3 of our own) and a receiver of the webhooks, which
    /// writes them to `store`.
    Result<void> start_recorded_server(const std::string& executable, const std::string& files, bool s3, const std::string& store, Rendezvous& meeting);
    /// Blocks until the agent is registered; its name. `config` empty: the built-in receptionist.
    Result<std::string> start_agent(const std::string& executable, const std::string& config, const std::string& store, Rendezvous& meeting);
    /// A polite stop; CheckFailed when it does not end by itself or ends with an error.
    Result<void> stop_agent();
    Result<void> stop_recorder();
    Result<void> stop_server();

    const livekit::Server& server() const { return address_; }
    /// Of recordings; nothing: files.
    const std::optional<livekit::proto::S3Upload>& storage() const { return storage_; }
    const std::string& folder() const { return folder_; }
    std::string store_path() const { return folder_ + "/voicectl.db"; }

 private:
    Lab() = default;
    Result<void> start_storage();
    ProcessSpec part(const std::string& executable, const std::string& name, std::vector<std::string> arguments) const;
    Result<nlohmann::json> wait_ready(Process& process, const std::string& name, Rendezvous& meeting) const;
    Error fault_of(const std::string& name, int exit_code) const;
    std::string folder_;
    std::unique_ptr<Process> redis_, storage_process_, listener_;
    std::optional<livekit::proto::S3Upload> storage_;
    std::unique_ptr<livekit::LocalServer> server_;
    livekit::Server address_;
    std::unique_ptr<Process> recorder_, agent_;
};

}  // namespace voicectl::e2e
