// The parts of a --local call: a livekit-server and an agent process of our own, with everything they write
// in one private folder. The destructor ends both and removes the folder.
#pragma once

#include <memory>
#include <string>

#include "rendezvous.h"
#include "voicectl/base/process.h"
#include "voicectl/livekit/local_server.h"

namespace voicectl::e2e {

class Lab {
 public:
    static Result<std::unique_ptr<Lab>> create();
    ~Lab();

    Result<void> start_server();
    /// Blocks until the agent is registered; its name. `config` empty: the built-in receptionist.
    Result<std::string> start_agent(const std::string& executable, const std::string& config, const std::string& store, Rendezvous& meeting);
    /// A polite stop; CheckFailed when it does not end by itself or ends with an error.
    Result<void> stop_agent();
    Result<void> stop_server();

    const livekit::Server& server() const { return server_->address(); }
    std::string store_path() const { return folder_ + "/voicectl.db"; }

 private:
    Lab() = default;
    Error agent_fault(int exit_code) const;
    std::string folder_;
    std::unique_ptr<livekit::LocalServer> server_;
    std::unique_ptr<Process> agent_;
};

}  // namespace voicectl::e2e
