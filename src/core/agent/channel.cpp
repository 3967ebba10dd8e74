#include "channel.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "voicectl/base/json.h"

namespace voicectl::agent {
namespace {

namespace asio = boost::asio;
using Json = nlohmann::json;

constexpr std::size_t kLongestLine = 4 * 1024 * 1024;  // a configuration has 1 MB at most
constexpr std::size_t kPiece = 16 * 1024;

class SocketChannel final : public Channel {
 public:
    SocketChannel(AsioLoop& loop, int descriptor, Handlers handlers)
        : loop_(loop), socket_(loop.context(), asio::local::stream_protocol(), descriptor), handlers_(std::move(handlers)), piece_(kPiece) {
        loop_.post(lifeline_.guard([this] { read(); }));
    }

    void send(const Json& message) override {
        if (closed_) return;
        waiting_.push_back(json_text(message) + "\n");
        if (waiting_.size() == 1) write();
    }

 private:
    void read() {
        socket_.async_read_some(asio::buffer(piece_), lifeline_.guard([this](boost::system::error_code error, std::size_t size) {
            if (error) return close({Errc::Unreachable, "the other process is gone", {}});
            line_.append(piece_.data(), size);
            if (take_lines()) read();
        }));
    }

    /// False: a field of it is not of the kind that it should be.
    bool hand_over(const Json& message) const {
        const auto tell = handlers_.on_message;  // which may destroy us, and is not to go with us while it runs
        try {
            tell(message);
        } catch (const Json::exception&) {
            return false;
        }
        return true;
    }

    /// False when nothing more is to be read, and perhaps no object left to read with.
    bool take_lines() {
        std::size_t begin = 0;
        for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n', begin)) {
            const auto message = Json::parse(line_.begin() + static_cast<std::ptrdiff_t>(begin), line_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
            begin = end + 1;
            if (!message.is_object()) {
                close({Errc::Protocol, "the other process sent what is no message", {}});
                return false;
            }
            const std::weak_ptr<char> alive = alive_;
            const bool understood = hand_over(message);
            if (alive.expired()) return false;
            if (!understood) close({Errc::Protocol, "the other process sent a message of the wrong form", {}});
            if (closed_) return false;
        }
        line_.erase(0, begin);
        if (line_.size() > kLongestLine) close({Errc::Protocol, "the other process sent a message without end", {}});
        return !closed_;
    }

    void write() {
        asio::async_write(socket_, asio::buffer(waiting_.front()), lifeline_.guard([this](boost::system::error_code error, std::size_t) {
            if (error) return close({Errc::Unreachable, "the other process is gone", {}});
            waiting_.pop_front();
            if (!waiting_.empty()) write();
        }));
    }

    void close(const Error& why) {
        if (std::exchange(closed_, true)) return;
        boost::system::error_code ignored;
        socket_.close(ignored);
        loop_.post(lifeline_.guard([this, why] {
            const auto tell = handlers_.on_closed;  // which may destroy us
            if (tell) tell(why);
        }));
    }

    AsioLoop& loop_;
    asio::local::stream_protocol::socket socket_;
    Handlers handlers_;
    std::vector<char> piece_;
    std::string line_;
    std::deque<std::string> waiting_;  // the first is being written
    bool closed_ = false;
    std::shared_ptr<char> alive_ = std::make_shared<char>();
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<Channel> Channel::open(AsioLoop& loop, int descriptor, Handlers handlers) {
    return std::make_unique<SocketChannel>(loop, descriptor, std::move(handlers));
}

}  // namespace voicectl::agent
