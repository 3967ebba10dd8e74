// A livekit-server of our own on free loopback ports, with keys made up on the spot, for `e2e-call --local`
// and tests. Its files lie in a private temporary folder that goes with it. Stopped by the destructor;
// killed by the kernel when the starting thread dies.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/process.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::livekit {

struct LocalServerOptions {
    std::string program;      // empty: $VOICECTL_LIVEKIT_SERVER, then livekit-server on PATH, then beside us
    std::string extra_yaml;   // appended to the configuration
    std::optional<ApiKey> key;             // absent: one made up
    std::string redis;                     // HOST:PORT; empty: none, and so no recordings
    std::vector<std::string> webhooks{};   // URLs
};

/// One that nothing listens on at 127.0.0.1 at this moment.
int free_port();

class LocalServer {
 public:
    /// Blocks until it answers (about half a second). Missing with a hint when there is no program.
    static Result<std::unique_ptr<LocalServer>> start(const LocalServerOptions& options = {});
    ~LocalServer();

    const Server& address() const { return address_; }
    const std::string& log_path() const { return log_path_; }
    Process& process() { return *process_; }
    /// The same ports, keys and files, after process() was ended.
    Result<void> restart();

 private:
    LocalServer() = default;
    Result<void> launch();
    Result<void> wait_until_ready();
    std::string folder_, program_, log_path_, config_path_;
    int port_ = 0;
    Server address_;
    std::unique_ptr<Process> process_;
};

/// The full path of the server program, or why there is none.
Result<std::string> find_local_server(const std::string& program = {});
/// The same of a redis-server, without which LiveKit records nothing: $VOICECTL_REDIS_SERVER, PATH, beside us.
Result<std::string> find_local_redis();
/// S3 storage (versitygw).
Result<std::string> find_local_storage();

}  // namespace voicectl::livekit
