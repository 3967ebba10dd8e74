// A WebSocket server whose every message the test decides, on 127.0.0.1, one thread per connection. Ended by its
// destructor, whatever its connections wait for.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace voicectl::test {

class FakeSocketServer {
    using Tcp = boost::asio::ip::tcp;
    using Upgrade = boost::beast::http::request<boost::beast::http::string_body>;

 public:
    struct Message {
        std::string bytes;
        bool binary = false;
    };

    /// One connection; its calls throw when the other side is gone, which ends the script.
    class Session {
     public:
        Session(Tcp::socket& socket, int which) : number(which), socket_(socket), ws_(socket) {
            socket_.set_option(Tcp::no_delay(true));  // as servers do that send small messages
            boost::beast::http::read(socket_, buffer_, request_);
        }
        const int number;  // 1 for the first connection
        std::string target() const { return std::string(request_.target()); }
        std::string header(const std::string& name) const { return std::string(request_[name]); }

        void accept() { ws_.accept(request_); }
        void refuse(unsigned status, const std::string& body, const std::vector<std::pair<std::string, std::string>>& headers = {}) {
            boost::beast::http::response<boost::beast::http::string_body> response{static_cast<boost::beast::http::status>(status), 11, body};
            for (const auto& [name, value] : headers) response.set(name, value);
            response.prepare_payload();
            boost::beast::http::write(socket_, response);
        }
        Message read() {
            boost::beast::flat_buffer buffer;
            ws_.read(buffer);
            return {boost::beast::buffers_to_string(buffer.data()), ws_.got_binary()};
        }
        void send(const std::string& bytes, bool binary = false) {
            ws_.binary(binary);
            // No check of UTF-8 on the way out: broken text is a case of its own.
            ws_.write(boost::asio::buffer(bytes));
        }
        void close(unsigned short code, const std::string& reason) { ws_.close({static_cast<boost::beast::websocket::close_code>(code), reason}); }
        /// The connection vanishes without a word.
        void drop() { ::shutdown(socket_.native_handle(), SHUT_RDWR); }
        void wait_for_end() {
            while (true) read();
        }

     private:
        Tcp::socket& socket_;
        boost::beast::flat_buffer buffer_;
        Upgrade request_;
        boost::beast::websocket::stream<Tcp::socket&> ws_;
    };
    using Script = std::function<void(Session& session)>;

    explicit FakeSocketServer(Script script) : script_(std::move(script)) {
        accept();
        thread_ = std::thread([this] { context_.run(); });
    }
    ~FakeSocketServer() {
        context_.stop();
        thread_.join();
        {
            std::lock_guard lock(mutex_);
            for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
        }
        for (auto& session : sessions_) session.join();
    }
    FakeSocketServer(const FakeSocketServer&) = delete;
    FakeSocketServer& operator=(const FakeSocketServer&) = delete;

    std::string url() const { return "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
    int connections() const { return connections_; }

 private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code failed, Tcp::socket socket) {
            if (failed) return;
            sessions_.emplace_back([this, number = ++connections_, socket = std::move(socket)]() mutable { serve(socket, number); });
            accept();
        });
    }
    void serve(Tcp::socket& socket, int number) {
        const int descriptor = socket.native_handle();
        {
            std::lock_guard lock(mutex_);
            open_.push_back(descriptor);
        }
        try {
            Session session(socket, number);
            script_(session);
        } catch (const std::exception&) {  // the client has hung up, or the test is over
        }
        std::lock_guard lock(mutex_);
        std::erase(open_, descriptor);
        boost::system::error_code ignored;
        socket.close(ignored);
    }

    Script script_;
    boost::asio::io_context context_{1};
    Tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
    std::atomic<int> connections_{0};
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> sessions_;
    std::thread thread_;
};

}  // namespace voicectl::test
