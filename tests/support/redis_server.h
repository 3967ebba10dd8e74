// A real redis-server of a test's own, on 127.0.0.1 with a free port, without files. scripts/setup installs it; without it the test fails.
#pragma once

#include <csignal>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/free_port.h"
#include "support/temp_folder.h"
#include "voicectl/base/process.h"

namespace voicectl::test {

class RedisServer {
 public:
    /// `settings` as on its command line: {"--requirepass", "…"}.
    explicit RedisServer(std::vector<std::string> settings = {}) : settings_(std::move(settings)) { start(); }
    ~RedisServer() {
        thaw();
        kill();
    }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    /// Another process on the same port, after kill(): it has forgotten everything.
    void start() {
        ProcessSpec spec;
        const auto ours = std::filesystem::path(VC_SOURCE_DIR) / ".cache/bin/redis-server";
        spec.program = std::filesystem::exists(ours) ? ours.string() : "redis-server";
        spec.arguments = {"--port", std::to_string(port_), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder_.path(),
                          "--unixsocket", socket_path()};
        spec.arguments.insert(spec.arguments.end(), settings_.begin(), settings_.end());
        spec.output_path = folder_.file("log");
        auto started = Process::start(spec);
        if (!started) throw std::runtime_error(started.error().message + ": ./scripts/setup installs it");
        process_ = std::move(*started);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!accepts(port_)) {
            if (process_->wait_for(std::chrono::milliseconds(10)) || std::chrono::steady_clock::now() > deadline) throw std::runtime_error("redis-server does not start");
        }
    }
    void kill() {
        process_->signal(SIGKILL);
        process_->wait_for(std::chrono::seconds(20));
    }
    /// It says nothing any more, and keeps its connections.
    void freeze() { process_->signal(SIGSTOP); }
    void thaw() { process_->signal(SIGCONT); }

    int port() const { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string socket_path() const { return folder_.file("redis.sock"); }

 private:
    TempFolder folder_;
    std::vector<std::string> settings_;
    int port_ = free_port();
    std::unique_ptr<Process> process_;
};

}  // namespace voicectl::test
