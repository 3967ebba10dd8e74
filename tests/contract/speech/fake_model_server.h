// A chat-completions server whose bytes the test decides, on a real socket of 127.0.0.1.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace voicectl::test {

class FakeModelServer {
 public:
    /// One accepted request; what is sent goes out at once.
    class Connection {
     public:
        Connection(int socket, std::string request) : socket_(socket), request_(std::move(request)) {}
        const std::string& request() const { return request_; }
        bool send(std::string_view bytes) const {
            while (!bytes.empty()) {
                const auto put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
                if (put <= 0) return false;
                bytes.remove_prefix(static_cast<std::size_t>(put));
            }
            return true;
        }
        /// Status line, type and an end by closing, so that the test may write what it likes after it.
        bool head(const std::string& status, const std::string& type = "text/event-stream", const std::string& more = {}) const {
            return send("HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\n" + more + "Connection: close\r\n\r\n");
        }
        /// Waits until the client has hung up (or the server is stopped, by which its sockets are shut).
        void wait_for_hang_up() const {
            char byte = 0;
            while (recv(socket_, &byte, 1, 0) > 0) continue;
        }

     private:
        int socket_;
        std::string request_;
    };
    /// Called with 1 for the first request, 2 for the second, …
    using Answer = std::function<void(Connection& connection, int number)>;

    explicit FakeModelServer(Answer answer) : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const bool listening = bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 16) == 0 &&
                               getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        port_ = listening ? ntohs(address.sin_port) : 0;
        thread_ = std::thread([this] { accept_all(); });
    }
    ~FakeModelServer() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        {
            std::lock_guard lock(mutex_);
            for (const int socket : open_) shutdown(socket, SHUT_RDWR);
        }
        for (auto& thread : serving_) thread.join();
        close(listener_);
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
    int requests() const { return requests_; }

 private:
    void accept_all() {
        while (true) {
            const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0) return;
            {
                std::lock_guard lock(mutex_);
                open_.push_back(socket);
            }
            serving_.emplace_back([this, socket, number = ++requests_] {
                Connection connection(socket, read_request(socket));
                answer_(connection, number);
                std::lock_guard lock(mutex_);
                std::erase(open_, socket);
                close(socket);
            });
        }
    }
    static std::string read_request(int socket) {
        std::string bytes;
        char chunk[4096];
        std::size_t wanted = std::string::npos;
        while (bytes.size() < wanted) {
            const auto got = recv(socket, chunk, sizeof chunk, 0);
            if (got <= 0) break;
            bytes.append(chunk, static_cast<std::size_t>(got));
            const auto end = bytes.find("\r\n\r\n");
            const auto length = bytes.find("Content-Length: ");
            if (end != std::string::npos) wanted = end + 4 + (length < end ? std::stoul(bytes.substr(length + 16)) : 0);
        }
        return bytes;
    }

    Answer answer_;
    int listener_;
    int port_ = 0;
    std::atomic<int> requests_{0};
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> serving_;
    std::thread thread_;
};

}  // namespace voicectl::test
