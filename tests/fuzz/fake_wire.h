// The other end of a provider's connection, told by the fuzzer: HTTP transfers and WebSockets without a network, on virtual time. An
// input is its provider in the first byte, then steps: a letter, a length of two bytes (little endian), so many bytes.
//
// net::HttpClient is this file's own here: the linker takes the first definition (see CMakeLists.txt).
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/fake_loop.h"
#include "voicectl/base/text.h"
#include "voicectl/net/http.h"
#include "voicectl/net/websocket.h"
#include "voicectl/speech/providers.h"

namespace voicectl::fuzz {

inline void expect(bool holds) {
    if (!holds) __builtin_trap();
}

/// What is said in logs or spoken has to be text.
inline void expect_text(const std::string& text) { expect(valid_utf8(text) == text && text.size() <= 8 * 1024 * 1024); }
inline void expect_error(const Error& error) {
    expect_text(error.message);
    expect(!error.message.empty() && error.message.size() < 4096 && error.message.find('\n') == std::string::npos);
}

struct Step {
    char what = 0;
    std::string bytes = {};
    std::chrono::milliseconds time() const { return std::chrono::milliseconds(bytes.empty() ? 100 : 1 + 40 * static_cast<unsigned char>(bytes.front())); }
};

inline std::vector<Step> steps_of(std::string_view bytes) {
    constexpr std::size_t kMostSteps = 64;
    std::vector<Step> out;
    while (bytes.size() >= 3 && out.size() < kMostSteps) {
        const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[1])) + 256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[2]));
        out.push_back({bytes[0], std::string(bytes.substr(3, size))});
        bytes.remove_prefix(std::min(bytes.size(), 3 + size));
    }
    return out;
}

/// Which of `count`, and what follows.
inline std::pair<std::size_t, std::string_view> pick(std::string_view bytes, std::size_t count) {
    if (bytes.empty()) return {0, bytes};
    return {static_cast<unsigned char>(bytes.front()) % count, bytes.substr(1)};
}

// ---- HTTP ----

struct Transfer {
    net::HttpStreamHandlers on;
    bool gone = false, headed = false;
};
/// All that were begun and not dropped, the newest last.
inline std::vector<std::shared_ptr<Transfer>>& transfers() {
    static std::vector<std::shared_ptr<Transfer>> all;
    return all;
}

class FakeTransfer final : public net::HttpStream {
 public:
    explicit FakeTransfer(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
    ~FakeTransfer() override {
        transfer_->gone = true;
        std::erase(transfers(), transfer_);
    }

 private:
    std::shared_ptr<Transfer> transfer_;
};

/// 'h': status and headers, a line each. 'b': a piece of the body. 'e': its end. 'x': the connection broke. False: no such step.
inline bool answer(const Step& step) {
    if (transfers().empty()) return false;
    const auto transfer = transfers().back();
    if (step.what == 'h' && !transfer->headed) {
        net::HttpResponse head;
        const auto lines = split(step.bytes, '\n');
        head.status = lines.empty() || lines[0].size() != 3 ? 200 : std::atoi(lines[0].c_str());
        for (const auto& line : lines)
            if (const auto colon = line.find(':'); colon != std::string::npos) head.headers.emplace_back(to_lower_ascii(line.substr(0, colon)), std::string(trim(std::string_view(line).substr(colon + 1))));
        transfer->headed = true;
        transfer->on.on_head(head);
    } else if (step.what == 'b' && transfer->headed) {
        transfer->on.on_chunk(step.bytes);
    } else if ((step.what == 'e' && transfer->headed) || step.what == 'x') {
        std::erase(transfers(), transfer);
        transfer->on.on_done(step.what == 'e' ? Result<void>() : fail(Errc::Unreachable, "broken"));
    } else {
        return false;
    }
    return true;
}

// ---- WebSockets ----

struct Wire {
    net::WebSocketHandlers on;
    std::vector<std::string> sent = {};
    bool open = false, gone = false;
};

class FakeWires {
 public:
    net::WebSocketOpener opener() {
        return [this](Loop& loop, net::WebSocketOptions, net::WebSocketHandlers on) -> std::unique_ptr<net::WebSocket> {
            auto wire = std::make_shared<Wire>(Wire{std::move(on)});
            wires_.push_back(wire);
            loop.post([wire] {
                if (wire->gone) return;
                wire->open = true;
                wire->on.on_open();
            });
            return std::make_unique<Socket>(wire);
        };
    }
    /// 'm': a message of text, with @ for the name of what is being said. 'a': a binary one. 'x': broken. 'r': refused, as HTTP.
    bool answer(const Step& step) {
        std::erase_if(wires_, [](const auto& wire) { return wire->gone; });
        if (wires_.empty()) return false;
        const auto wire = wires_.back();
        if (step.what == 'm' && wire->open) wire->on.on_message(with_context(step.bytes, *wire), false);
        else if (step.what == 'a' && wire->open) wire->on.on_message(step.bytes, true);
        else if (step.what == 'x') end(*wire, {Errc::Unreachable, "broken", {}});
        else if (step.what == 'r') refuse(*wire, step.bytes);
        else return false;
        return true;
    }

 private:
    class Socket final : public net::WebSocket {
     public:
        explicit Socket(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
        ~Socket() override { wire_->gone = true; }
        void send(std::string message, bool binary) override {
            if (!binary && wire_->sent.size() < 100) wire_->sent.push_back(std::move(message));
        }
        void close() override {}

     private:
        std::shared_ptr<Wire> wire_;
    };

    static void end(Wire& wire, Error why) {
        if (!std::exchange(wire.gone, true)) wire.on.on_close(std::move(why));
    }
    static void refuse(Wire& wire, const std::string& bytes) {
        net::HttpResponse response;
        response.status = 400 + (bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front()) % 200);
        response.body = bytes;
        if (wire.on.on_refused) wire.on.on_refused(response);
        end(wire, {Errc::Protocol, "refused", {}});
    }
    static std::string with_context(const std::string& text, const Wire& wire) {
        std::string context;
        for (const auto& sent : wire.sent) {
            const auto value = nlohmann::json::parse(sent, nullptr, /*allow_exceptions=*/false);
            if (value.is_object() && value.contains("context_id") && value["context_id"].is_string()) context = value["context_id"];
        }
        return replaced(text, "@", context);
    }
    static std::string replaced(std::string text, std::string_view what, const std::string& by) {
        for (std::size_t at = 0, count = 0; (at = text.find(what, at)) != std::string::npos && count < 100; at += by.size(), ++count) text.replace(at, what.size(), by);
        return text;
    }
    std::vector<std::shared_ptr<Wire>> wires_;
};

inline speech::ProviderContext context(net::WebSocketOpener opener = &net::WebSocket::open_on) {
    static Workers workers(1, "fuzz");
    static net::HttpClient http;
    return {workers, http, [](const std::string&) { return std::nullopt; }, ".", std::move(opener)};
}

/// One provider's options, with the server on this machine, so that no key is wanted.
inline nlohmann::json with_url(nlohmann::json options, const char* url) {
    options["base_url"] = url;
    return options;
}

}  // namespace voicectl::fuzz

namespace voicectl::net {

struct HttpClient::Impl {};
HttpClient::HttpClient() = default;
HttpClient::~HttpClient() = default;
Result<HttpResponse> HttpClient::send(const HttpRequest&, std::stop_token) { return fail(Errc::Unreachable, "no network"); }
std::unique_ptr<HttpStream> HttpClient::stream(HttpRequest, Loop&, HttpStreamHandlers handlers) {
    auto transfer = std::make_shared<fuzz::Transfer>(fuzz::Transfer{std::move(handlers)});
    fuzz::transfers().push_back(transfer);
    return std::make_unique<fuzz::FakeTransfer>(std::move(transfer));
}

}  // namespace voicectl::net
