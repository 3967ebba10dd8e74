// A TCP proxy before a PostgreSQL that knows a COMMIT when it passes (as a simple query or as a prepared statement) and
// cuts the connection there. A thread of its own; on 127.0.0.1. Messages: PostgreSQL's documentation, "Message Formats".
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "voicectl/base/text.h"

namespace voicectl::store {

enum class Cut {
    Before,    // the server never gets the COMMIT
    Behind,    // it is sent, and both connections are closed at once
    Answered,  // the server has answered it, and the client is not told
};

/// One client's side of the protocol, message by message.
class CommitWatch {
 public:
    /// The length of the first whole message in `bytes`, 0: not there yet.
    std::size_t message_size(std::string_view bytes) const {
        const std::size_t head = started_ ? 1 : 0;
        if (bytes.size() < head + 4) return 0;
        const auto size = head + number_at(bytes, head);
        return bytes.size() < size ? 0 : size;
    }
    bool is_commit(std::string_view message) {
        if (!started_) {
            started_ = number_at(message, 4) == kProtocol3;  // and not a question about encryption
            return false;
        }
        const auto body = message.substr(5);
        const auto first = text_at(body), second = text_at(body.substr(std::min(body.size(), first.size() + 1)));
        switch (message[0]) {
            case 'Q': return says_commit(first);
            case 'P':
                if (says_commit(second)) commits_.emplace(first);
                return false;
            case 'B': bound_ = commits_.contains(std::string(second)); return false;
            case 'E': return bound_;
            default: return false;
        }
    }

 private:
    static constexpr std::uint32_t kProtocol3 = 196'608;
    static std::uint32_t number_at(std::string_view bytes, std::size_t at) {
        std::uint32_t number = 0;
        for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
        return number;
    }
    static std::string_view text_at(std::string_view bytes) { return bytes.substr(0, bytes.find('\0')); }
    static bool says_commit(std::string_view sql) { return to_lower_ascii(trim(sql)).starts_with("commit"); }

    bool started_ = false, bound_ = false;
    std::set<std::string> commits_;  // prepared ones
};

class CuttingProxy {
 public:
    explicit CuttingProxy(int server_port) : server_port_(server_port) {
        auto address = local(0);
        socklen_t size = sizeof(address);
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 20) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no port for the proxy");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~CuttingProxy() {
        eventfd_write(wake_, 1);
        thread_.join();
        for (auto& pair : pairs_) pair.close();
        close(listener_);
        close(wake_);
    }
    CuttingProxy(const CuttingProxy&) = delete;
    CuttingProxy& operator=(const CuttingProxy&) = delete;

    /// The same address, but through here.
    std::string url(std::string server_url) const {
        const auto port = ":" + std::to_string(server_port_) + "/";
        return server_url.replace(server_url.find(port), port.size(), ":" + std::to_string(port_) + "/");
    }
    /// The next `times` commits after `skip` others.
    void cut(Cut where, int times, int skip = 0) {
        where_ = where;
        skip_ = skip;
        times_ = times;
    }
    /// So far.
    int cuts() const { return cuts_; }

 private:
    struct Pair {
        int client = -1, server = -1;
        CommitWatch watch;
        std::string pending;
        bool cut_at_answer = false;
        void close() {
            if (client >= 0) ::close(std::exchange(client, -1));
            if (server >= 0) ::close(std::exchange(server, -1));
        }
    };

    static sockaddr_in local(int port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        return address;
    }
    static bool pass_on(int to, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    void run() {
        while (true) {
            std::vector<pollfd> waiting{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
            for (const auto& pair : pairs_) waiting.insert(waiting.end(), {{pair.client, POLLIN, 0}, {pair.server, POLLIN, 0}});
            poll(waiting.data(), waiting.size(), -1);
            if (waiting[0].revents != 0) return;
            std::size_t at = 2;
            for (auto& pair : pairs_) {
                const bool client = waiting[at++].revents != 0, server = waiting[at++].revents != 0;
                if (client && !from_client(pair)) pair.close();
                if (server && pair.server >= 0 && !from_server(pair)) pair.close();
            }
            pairs_.remove_if([](const Pair& pair) { return pair.client < 0; });
            if (waiting[1].revents != 0) accept_one();
        }
    }
    void accept_one() {
        Pair pair;
        pair.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        pair.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        for (const int one : {pair.client, pair.server}) {  // messages are passed on one by one: none shall wait for the last one's receipt
            const int yes = 1;
            setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        }
        const auto address = local(server_port_);
        const bool connected = connect(pair.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
        if (connected && pair.client >= 0) pairs_.push_back(std::move(pair));
        else pair.close();
    }
    bool from_server(Pair& pair) {
        const auto got = recv(pair.server, chunk_.data(), chunk_.size(), 0);
        if (got <= 0 || pair.cut_at_answer) return false;
        return pass_on(pair.client, {chunk_.data(), static_cast<std::size_t>(got)});
    }
    bool from_client(Pair& pair) {
        const auto got = recv(pair.client, chunk_.data(), chunk_.size(), 0);
        if (got <= 0) return false;
        pair.pending.append(chunk_.data(), static_cast<std::size_t>(got));
        while (const auto size = pair.watch.message_size(pair.pending)) {
            const auto message = pair.pending.substr(0, size);
            pair.pending.erase(0, size);
            const bool cut = pair.watch.is_commit(message) && is_next();
            if (cut && where_ == Cut::Before) return false;
            if (!pass_on(pair.server, message)) return false;
            if (cut && where_ == Cut::Behind) return false;
            pair.cut_at_answer = pair.cut_at_answer || cut;
        }
        return true;
    }
    bool is_next() {
        if (times_ == 0) return false;
        if (skip_ > 0) return --skip_ < 0;
        --times_;
        ++cuts_;
        return true;
    }

    int server_port_;
    int listener_ = -1, port_ = 0;
    int wake_ = eventfd(0, EFD_CLOEXEC);
    std::atomic<Cut> where_ = Cut::Before;
    std::atomic<int> skip_ = 0, times_ = 0, cuts_ = 0;
    std::list<Pair> pairs_;
    std::array<char, 65536> chunk_;
    std::thread thread_;
};

}  // namespace voicectl::store
