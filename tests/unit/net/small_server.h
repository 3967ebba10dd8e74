// Servers on loopback that do just what a test says, one thread per connection. Ended by the destructor,
// whatever their connections are waiting for.
#pragma once

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace voicectl::test {

namespace asio = boost::asio;
using asio::ip::tcp;

class SmallServer {
 public:
    using Script = std::function<void(tcp::socket& socket)>;

    explicit SmallServer(Script script, const std::string& address = "127.0.0.1") : script_(std::move(script)), acceptor_(context_, {asio::ip::make_address(address), 0}) {
        accept();
        thread_ = std::thread([this] { context_.run(); });
    }
    ~SmallServer() {
        context_.stop();
        thread_.join();
        {
            std::lock_guard lock(mutex_);
            for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
        }
        for (auto& connection : connections_) connection.join();
    }

    int port() const { return acceptor_.local_endpoint().port(); }
    std::string authority() const {
        const auto address = acceptor_.local_endpoint().address();
        return (address.is_v6() ? "[" + address.to_string() + "]" : address.to_string()) + ":" + std::to_string(port());
    }
    std::string url(const std::string& scheme = "http") const { return scheme + "://" + authority(); }
    int accepted() const { return accepted_; }

    /// Until the other side hangs up.
    static void wait_for_end(tcp::socket& socket) {
        boost::system::error_code ended;
        char byte = 0;
        while (!ended) socket.read_some(asio::buffer(&byte, 1), ended);
    }
    /// The request as it came, up to the blank line, and what of the body came with it.
    static std::string read_head(tcp::socket& socket) {
        std::string text;
        asio::read_until(socket, asio::dynamic_buffer(text), "\r\n\r\n");
        return text;
    }
    static void write(tcp::socket& socket, const std::string& text) { asio::write(socket, asio::buffer(text)); }
    static void answer(tcp::socket& socket, const std::string& body, const std::string& status = "200 OK") {
        write(socket, "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }

 private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code failed, tcp::socket socket) {
            if (failed) return;
            ++accepted_;
            connections_.emplace_back([this, socket = std::move(socket)]() mutable { serve(socket); });
            accept();
        });
    }
    void serve(tcp::socket& socket) {
        const int number = socket.native_handle();
        {
            std::lock_guard lock(mutex_);
            open_.push_back(number);
        }
        try {
            script_(socket);
        } catch (const boost::system::system_error&) {
            // The client went away: what it made of it is the test's affair.
        }
        std::lock_guard lock(mutex_);
        std::erase(open_, number);
        boost::system::error_code ignored;
        socket.close(ignored);
    }

    Script script_;
    asio::io_context context_;
    tcp::acceptor acceptor_;
    std::atomic<int> accepted_ = 0;
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> connections_;
    std::thread thread_;
};

}  // namespace voicectl::test
