// What a command is given: global flags, environment, output, and the things it may need, made on demand
// so that start-up pays for nothing that is not used. Built by main, passed by reference, main thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "commands/output.h"
#include "voicectl/base/result.h"
#include "voicectl/livekit/twirp.h"
#include "voicectl/net/http.h"

namespace voicectl::commands {

struct GlobalOptions {
    std::string url, api_key, api_secret, api_secret_file;
    std::string timeout = "30s";
    int verbose = 0;
};

class Env {
 public:
    using Getenv = std::function<std::optional<std::string>(const std::string&)>;
    /// `env` empty: the process's own environment.
    explicit Env(Output output, Getenv getenv = {});
    ~Env();

    Output out;
    GlobalOptions global;

    std::optional<std::string> get(const std::string& name) const { return getenv_(name); }
    const Getenv& getenv() const { return getenv_; }

    /// Flags, then LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET. Usage, naming what is missing.
    Result<livekit::Server> server();
    /// Key and secret alone, for what needs no server.
    Result<livekit::ApiKey> api_key();
    Result<std::chrono::milliseconds> timeout() const;

    net::HttpClient& http();
    Result<livekit::TwirpClient*> twirp();
    /// The last call's trace, for -v and JSON errors; nothing when none was made.
    const livekit::CallTrace* last_call() const;

    /// Set by the parsed command, run by main.
    std::function<Result<void>()> selected;

 private:
    Getenv getenv_;
    std::unique_ptr<net::HttpClient> http_;
    std::unique_ptr<livekit::TwirpClient> twirp_;
};

}  // namespace voicectl::commands
