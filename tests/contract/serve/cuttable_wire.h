// A TCP relay on 127.0.0.1 that cuts what goes through it, or lets it hang, as networks do. A thread of its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <list>
#include <thread>
#include <vector>

namespace voicectl::test {

class CuttableWire {
 public:
    explicit CuttableWire(int to) : to_(to), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof(at));
        listen(listener_, 8);
        socklen_t size = sizeof(at);
        getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~CuttableWire() {
        over_ = true;
        thread_.join();
        ::close(listener_);
    }
    int port() const { return port_; }
    /// All connections of now.
    void cut() { cut_ = true; }
    /// Of these nothing is carried any more, and nobody is told.
    void hang() { hang_ = true; }

 private:
    struct Pair {
        int client, server;
        bool hangs = false;
    };
    void run() {
        while (!over_) {
            if (cut_.exchange(false)) drop_all();
            if (hang_.exchange(false))
                for (auto& pair : pairs_) pair.hangs = true;
            std::vector<pollfd> watched{{listener_, POLLIN, 0}};
            for (const auto& pair : pairs_)
                if (!pair.hangs) watched.insert(watched.end(), {{pair.client, POLLIN, 0}, {pair.server, POLLIN, 0}});
            poll(watched.data(), watched.size(), 5);
            for (auto it = pairs_.begin(); it != pairs_.end();) {
                const bool open = it->hangs || (carry(watched, it->client, it->server) && carry(watched, it->server, it->client));
                if (!open) drop(*it);
                it = open ? std::next(it) : pairs_.erase(it);
            }
            if ((watched[0].revents & POLLIN) != 0) accept_one();
        }
        drop_all();
    }
    static bool carry(const std::vector<pollfd>& watched, int from, int to) {
        for (const auto& one : watched) {
            if (one.fd != from || one.revents == 0) continue;
            char bytes[16384];
            const auto size = recv(from, bytes, sizeof(bytes), 0);
            return size > 0 && ::send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
        }
        return true;
    }
    void accept_one() {
        const int client = accept(listener_, nullptr, nullptr), server = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<std::uint16_t>(to_));
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connect(server, reinterpret_cast<sockaddr*>(&at), sizeof(at));
        pairs_.push_back({client, server});
    }
    static void drop(const Pair& pair) {
        const linger reset{1, 0};  // as a cable that is pulled: what was on its way is lost
        for (const int end : {pair.client, pair.server}) {
            setsockopt(end, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
            ::close(end);
        }
    }
    void drop_all() {
        for (const auto& pair : pairs_) drop(pair);
        pairs_.clear();
    }

    int to_, listener_, port_ = 0;
    std::list<Pair> pairs_;  // the thread's
    std::atomic<bool> over_{false}, cut_{false}, hang_{false};
    std::thread thread_;
};

}  // namespace voicectl::test
