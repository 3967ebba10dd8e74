// What a command is given: global flags, environment, output, and the things it may need, made on demand
// so that start-up pays for nothing that is not used. Built by main, passed by reference, main thread only.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "commands/output.h"
#include "commands/settings.h"
#include "voicectl/base/result.h"
#include "voicectl/livekit/twirp.h"
#include "voicectl/net/http.h"

namespace voicectl::commands {

struct GlobalOptions : GivenServer {
    std::string timeout = "30s";
    std::string confirm;  // the name of a protected profile, typed in advance
    int verbose = 0;
    bool trace = false, curl = false, yes = false, dry_run = false, show_secrets = false;
};

/// Where questions are answered.
struct Input {
    std::istream* stream = nullptr;
    bool is_terminal = false;
};

/// register_secret(), but for "secret", which livekit-server --dev has for everybody: masked, it would garble every hint.
void register_api_secret(std::string_view secret);

/// The secret in a file. What --api-secret-file names is not told when it is no file: it may be the secret itself.
Result<std::string> read_secret_file(const std::string& path, bool by_flag);

class Env {
 public:
    using Getenv = commands::Getenv;
    /// `env` empty: the process's own environment.
    explicit Env(Output output, Getenv getenv = {}, Input input = {});
    ~Env();

    Output out;
    GlobalOptions global;

    std::optional<std::string> get(const std::string& name) const { return getenv_(name); }
    const Getenv& getenv() const { return getenv_; }

    /// By flags, environment and profiles (settings.h). Usage, naming what is missing.
    Result<livekit::Server> server();
    /// The server alone, for what has a token of its own.
    Result<std::string> url();
    /// Key and secret alone, for what needs no server.
    Result<livekit::ApiKey> api_key();
    /// The URL if there is any; commands that only print it want no error.
    std::string url_if_known();
    Result<ServerSettings> settings();
    Result<std::chrono::milliseconds> timeout() const;

    net::HttpClient& http();
    Result<livekit::TwirpClient*> twirp();
    /// One more, for another server, time limit or thread; told of by -v, --trace and --curl as the first is.
    livekit::TwirpClient new_twirp(livekit::Server server, std::chrono::milliseconds limit);
    /// The last call's trace, for -v and JSON errors; nothing when none was made.
    const livekit::CallTrace* last_call() const;

    /// Before the first request that changes something: a protected profile asks for its name. `what` reads
    /// on from "this would".
    Result<void> change(std::string_view what);
    /// The same for a change of that profile itself, in use or not.
    Result<void> change_profile(const Profile& profile, std::string_view what);
    /// Usage, naming --yes, where `question` needs an answer and nobody can be asked: to be called before
    /// anything is done. `question` reads on as "… needs --yes" and "…? [y/N]".
    Result<void> may_ask(std::string_view question) const;
    /// Done with --yes, or when a person at a terminal says so (the default is no); Other for a no.
    Result<void> confirm(std::string_view question);

    /// With a hint that names where key and secret came from, in place of the variables that a server's error knows.
    Error with_origins(Error error) const;

    /// Set by the parsed command, run by main.
    std::function<Result<void>()> selected;

 private:
    Result<std::string> ask(std::string_view question);
    Result<void> ask_for_name(const Profile& profile, std::string_view what);
    Result<livekit::ApiKey> key_of(const ServerSettings& settings);
    bool someone_is_there() const { return input_.stream != nullptr && input_.is_terminal && out.talk_is_terminal(); }
    Getenv getenv_;
    Input input_;
    std::optional<ServerSettings> settings_;
    std::set<std::string> confirmed_;  // protected profiles
    std::unique_ptr<net::HttpClient> http_;
    std::unique_ptr<livekit::TwirpClient> twirp_;
};

}  // namespace voicectl::commands
