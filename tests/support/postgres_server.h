// A real PostgreSQL of a test's own: in a temporary folder, on 127.0.0.1 with a free port, with a password. Debian's
// packages; without them the test fails.
#pragma once

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "support/free_port.h"
#include "support/temp_folder.h"
#include "voicectl/base/process.h"

namespace voicectl::test {

class PostgresServer {
 public:
    static constexpr const char* kUser = "keeper";
    static constexpr const char* kPassword = "p%40ss/word?";  // as it is: with all that must be encoded

    explicit PostgresServer(std::vector<std::string> settings = {}) : settings_(std::move(settings)) {
        // initdb refuses root.
        if (const auto* owner = getuid() == 0 ? getpwnam("postgres") : nullptr; owner != nullptr)
            if (chown(folder_.path().c_str(), owner->pw_uid, owner->pw_gid) != 0) throw std::runtime_error("chown failed");
        std::ofstream(folder_.file("password")) << kPassword << "\n";
        chmod(folder_.file("password").c_str(), 0644);
        // Ordered as German is, so that what relies on the order of bytes is seen.
        run("initdb", {"--pgdata", data(), "--username", kUser, "--pwfile", folder_.file("password"), "--auth=scram-sha-256", "--encoding=UTF8",
                       "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=de", "--no-sync"});
        start();
    }
    ~PostgresServer() { stop(); }
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    /// One for all tests of a program: making one takes two seconds.
    static PostgresServer& shared() {
        static PostgresServer server;
        return server;
    }

    void start() {
        std::vector<std::string> arguments{"-D", data(), "-p", std::to_string(port_), "-c", "listen_addresses=127.0.0.1",
                                           "-c", "unix_socket_directories=" + folder_.path(), "-c", "max_connections=200", "-c", "fsync=off"};  // these data need not outlive the machine
        for (const auto& setting : settings_) arguments.insert(arguments.end(), {"-c", setting});
        process_ = launch("postgres", arguments);
        wait_until_ready();
    }
    /// Fast: clients are sent away.
    void stop() {
        if (!process_) return;
        process_->signal(SIGINT);
        process_->wait_for(std::chrono::seconds(20));
        process_.reset();
    }
    /// As if the machine had failed: nobody is told, nothing is put in order; start() replays the log.
    void stop_immediately() {
        process_->signal(SIGQUIT);
        process_->wait_for(std::chrono::seconds(20));
        process_.reset();
    }
    /// To the server and every process of its own, its clients' too.
    void signal_all(int number) const {
        process_->signal(number);  // first: when it is stopped it makes no more of them
        const auto pid = std::to_string(process_->pid());
        std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
        for (int child = 0; children >> child;) ::kill(child, number);
    }

    int port() const { return port_; }
    std::string folder() const { return folder_.path(); }
    std::string url(const std::string& database, const std::string& password = "p%2540ss%2Fword%3F") const {
        return "postgres://" + std::string(kUser) + ":" + password + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
    }
    /// By psql: the output, unaligned.
    std::string sql(const std::string& statements, const std::string& database = "postgres") const {
        const auto out = folder_.file("psql.out");
        std::ofstream(out, std::ios::trunc).close();
        chmod(out.c_str(), 0666);
        const auto code = run("psql", {"--host", folder_.path(), "--port", std::to_string(port_), "--username", kUser, "--no-psqlrc", "--quiet",
                                       "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--dbname", database, "--command", statements},
                              out);
        std::stringstream text;
        text << std::ifstream(out).rdbuf();
        if (code != 0) throw std::runtime_error("psql: " + text.str());
        auto result = text.str();
        while (!result.empty() && result.back() == '\n') result.pop_back();
        return result;
    }
    /// An empty one; its URL.
    std::string new_database() {
        const auto name = "t" + std::to_string(++databases_);
        sql("CREATE DATABASE " + name);
        return url(name);
    }

 private:
    std::string data() const { return folder_.file("data"); }
    std::string log() const { return folder_.file("log"); }
    static std::string program(const std::string& name) {
        const auto path = "/usr/lib/postgresql/15/bin/" + name;
        if (access(path.c_str(), X_OK) != 0) throw std::runtime_error("no " + path + ": ./scripts/setup installs it");
        return path;
    }
    std::unique_ptr<Process> launch(const std::string& name, std::vector<std::string> arguments, const std::string& output = {}) const {
        ProcessSpec spec;
        spec.program = program(name);
        if (getuid() == 0) {
            // The kernel forgets who is to die with us when the user changes; setpriv says it again.
            std::vector<std::string> all{"--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig", "INT", spec.program};
            all.insert(all.end(), arguments.begin(), arguments.end());
            arguments = std::move(all);
            spec.program = "setpriv";
        }
        spec.arguments = std::move(arguments);
        spec.environment = {{"PGPASSWORD", kPassword}, {"LC_ALL", "C.UTF-8"}};
        spec.output_path = output.empty() ? log() : output;
        auto started = Process::start(spec);
        if (!started) throw std::runtime_error(started.error().message);
        return std::move(*started);
    }
    int run(const std::string& name, const std::vector<std::string>& arguments, const std::string& output = {}) const {
        const auto process = launch(name, arguments, output);
        const auto code = process->wait_for(std::chrono::seconds(60));
        if (output.empty() && code != 0) throw std::runtime_error(name + " failed: " + text_of_log());
        return code.value_or(-1);
    }
    std::string text_of_log() const {
        std::stringstream text;
        text << std::ifstream(log()).rdbuf();
        return text.str();
    }
    // The eighth line of postmaster.pid is the server's own word.
    void wait_until_ready() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < deadline) {
            std::ifstream file(data() + "/postmaster.pid");
            std::string line;
            for (int i = 0; i < 8; ++i) std::getline(file, line);
            if (line.starts_with("ready")) return;
            if (process_->wait_for(std::chrono::milliseconds(10))) break;
        }
        throw std::runtime_error("PostgreSQL does not start: " + text_of_log());
    }

    TempFolder folder_;
    std::vector<std::string> settings_;
    int port_ = free_port();
    int databases_ = 0;
    std::unique_ptr<Process> process_;
};

}  // namespace voicectl::test
