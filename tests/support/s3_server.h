// S3 on loopback (versitygw) with keys and one bucket of its own. What it has stored are files.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "livekit_egress.pb.h"
#include "support/free_port.h"
#include "support/temp_folder.h"
#include "voicectl/base/process.h"
#include "voicectl/base/text.h"

namespace voicectl::test {

class S3Server {
 public:
    S3Server() {
        std::filesystem::create_directories(bucket_path());
        std::filesystem::create_directories(folder_.file("about"));
        start();
    }

    void start(int port = free_port()) {
        port_ = port;
        const char* given = std::getenv("VOICECTL_VERSITYGW");
        const auto program = given != nullptr ? std::string(given) : std::string(VC_SOURCE_DIR) + "/.cache/bin/versitygw";
        if (!std::filesystem::exists(program)) throw std::runtime_error("no versitygw: run ./scripts/setup");
        const ProcessSpec spec{program, {"--port", "127.0.0.1:" + std::to_string(port_), "--region", "eu-central-1", "posix", "--sidecar", folder_.file("about"), folder_.file("root")}, {{"ROOT_ACCESS_KEY", access_key}, {"ROOT_SECRET_KEY", secret}}, folder_.path(), folder_.file("log")};
        auto started = Process::start(spec);
        if (!started) throw std::runtime_error(started.error().message);
        process_ = std::move(*started);
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!accepts(port_)) {
            if (std::chrono::steady_clock::now() > end || !process_->running()) throw std::runtime_error("versitygw does not start: " + read_file(folder_.file("log")).value_or(""));
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }
    void stop() { process_.reset(); }

    int port() const { return port_; }
    std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string bucket_path() const { return folder_.file("root/recordings"); }
    std::string object(const std::string& key) const { return bucket_path() + "/" + key; }
    ::livekit::StorageConfig storage() const {
        ::livekit::StorageConfig out;
        auto& s3 = *out.mutable_s3();
        s3.set_access_key(access_key);
        s3.set_secret(secret);
        s3.set_region("eu-central-1");
        s3.set_endpoint("http://" + authority());
        s3.set_bucket("recordings");
        s3.set_force_path_style(true);
        return out;
    }

    const std::string access_key = "AK" + random_id(16), secret = random_id(40);

 private:
    int port_ = 0;
    TempFolder folder_;
    std::unique_ptr<Process> process_;
};

}  // namespace voicectl::test
