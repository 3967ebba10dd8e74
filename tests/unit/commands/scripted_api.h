// A server that answers Twirp calls as a test says, and remembers which came, in order.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "unit/net/small_server.h"

namespace voicectl::test {

class ScriptedApi {
 public:
    struct Reply {
        std::string body;
        std::string status = "200 OK";
        std::string type = "application/protobuf";
    };
    using Answer = std::function<Reply(const std::string& body)>;

    static Reply message(const google::protobuf::Message& reply) { return {reply.SerializeAsString()}; }
    static Reply refusal(const std::string& status, const std::string& code, const std::string& text) {
        return {R"({"code":")" + code + R"(","msg":")" + text + R"("})", status, "application/json"};
    }

    /// `method` as "CreateRoom".
    void on(const std::string& method, Answer answer) { answers_[method] = std::move(answer); }
    std::string url() const { return server_.url("ws"); }
    std::vector<std::string> calls() const {
        std::lock_guard lock(mutex_);
        return calls_;
    }

 private:
    void serve(tcp::socket& socket) {
        while (true) {
            auto text = SmallServer::read_head(socket);
            const auto end = text.find("\r\n\r\n") + 4;
            const auto at = text.find("Content-Length: ");
            const auto length = at == std::string::npos ? 0 : std::stoul(text.substr(at + 16));
            if (text.size() < end + length) {
                const auto have = text.size();
                text.resize(end + length);
                asio::read(socket, asio::buffer(text.data() + have, end + length - have));
            }
            const auto path = text.substr(0, text.find(" HTTP"));
            answer(socket, path.substr(path.rfind('/') + 1), text.substr(end));
        }
    }
    void answer(tcp::socket& socket, const std::string& method, const std::string& body) {
        {
            std::lock_guard lock(mutex_);
            calls_.push_back(method);
        }
        const auto found = answers_.find(method);
        const auto reply = found == answers_.end() ? refusal("404 Not Found", "bad_route", method) : found->second(body);
        SmallServer::write(socket, "HTTP/1.1 " + reply.status + "\r\nContent-Type: " + reply.type +
                                       "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body);
    }

    std::map<std::string, Answer> answers_;
    mutable std::mutex mutex_;
    std::vector<std::string> calls_;
    SmallServer server_{[this](tcp::socket& socket) { serve(socket); }};  // last: gone first
};

}  // namespace voicectl::test
