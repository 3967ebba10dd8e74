// Deliveries that are acknowledged once they are on the disk: what the intake commits together, against one commit for each.
// The same server, store and callers, in turns. For `./scripts/bench webhooks`. Prints Markdown; exit 1 below what was promised.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook.h"
#include "voicectl/net/http_server.h"
#include "voicectl/webhook/intake.h"

namespace {

using namespace voicectl;

constexpr int kRounds = 7, kTogether = 12800, kOneByOne = 1280;
constexpr double kPromised = 8;
const livekit::ApiKey kKey{"devkey", "a-secret-of-at-least-thirty-two-characters"};

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s failed\n", what);
    std::exit(2);
}

std::vector<std::string> some_requests(int count) {
    std::vector<std::string> out;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    for (int i = 0; i < count; ++i) {
        const auto body = fmt::format(R"({{"event":"participant_joined","room":{{"sid":"RM_{0}","name":"room-{0}"}},"participant":{{"sid":"PA_{1}","identity":"caller-{1}"}},"id":"EV_{2}","createdAt":"{3}"}})",
                                      i % 200, i, random_id(12), now);
        out.push_back(fmt::format("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/webhook+json\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{}",
                                  livekit::sign_delivery(kKey, body), body.size(), body));
    }
    return out;
}

int connected(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0, "connecting");
    return socket;
}

bool is_whole(const std::string& answer) {
    constexpr std::string_view kLength = "Content-Length: ";
    const auto end = answer.find("\r\n\r\n"), length = answer.find(kLength);
    return end != std::string::npos && length < end && answer.size() >= end + 4 + std::strtoul(answer.c_str() + length + kLength.size(), nullptr, 10);
}

/// One caller: each answer is waited for before the next request.
void call(int port, const std::vector<std::string>& requests, std::atomic<std::size_t>& next) {
    const int socket = connected(port);
    char answer[4096];
    for (auto i = next++; i < requests.size(); i = next++) {
        const auto& request = requests[i];
        require(send(socket, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()), "sending");
        std::string heard;
        while (!is_whole(heard)) {
            const auto size = recv(socket, answer, sizeof(answer), 0);
            require(size > 0, "hearing");
            heard.append(answer, static_cast<std::size_t>(size));
        }
        require(heard.starts_with("HTTP/1.1 200"), "being taken");
    }
    close(socket);
}

/// Deliveries a second.
double speed(const std::filesystem::path& folder, int at_once, std::size_t most_at_once, int count) {
    const auto requests = some_requests(count);
    const auto place = folder / ("bench-webhooks-" + random_id(8));
    std::filesystem::create_directories(place);
    double out = 0;
    {
        AsioLoop loop;
        auto opened = store::Store::open((place / "store.db").string());
        require(opened.has_value(), "opening the store");
        auto store = std::make_unique<store::AsyncStore>(std::move(*opened), loop);
        webhook::IntakeOptions options;
        options.keys[kKey.key] = kKey.secret;
        options.most_at_once = most_at_once;
        webhook::Intake intake(loop, *store, std::move(options));
        auto server = net::HttpServer::listen(loop, {.max_connections = static_cast<std::size_t>(at_once) * 2}, [&](const net::ServedRequest& request, net::HttpServer::Respond respond) { intake.handle(request, std::move(respond)); });
        require(server.has_value(), "listening");
        std::thread runner([&] { loop.run(); });
        std::atomic<std::size_t> next = 0;
        std::vector<std::thread> callers;
        const auto began = Clock::now();
        for (int i = 0; i < at_once; ++i) callers.emplace_back([&] { call((*server)->port(), requests, next); });
        for (auto& caller : callers) caller.join();
        out = count / std::chrono::duration<double>(Clock::now() - began).count();
        loop.stop();
        runner.join();
        server->reset();
        store.reset();
    }
    std::filesystem::remove_all(place);
    return out;
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

double ratio_with(const std::filesystem::path& folder, int callers) {
    std::vector<double> together, one_by_one, ratios;
    for (int i = 0; i < kRounds; ++i) {
        together.push_back(speed(folder, callers, webhook::IntakeOptions{}.most_at_once, kTogether));
        one_by_one.push_back(speed(folder, callers, 1, kOneByOne));
        ratios.push_back(together.back() / one_by_one.back());
    }
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::printf("| %d | %.0f | %.0f | %.1f (%.1f to %.1f) |\n", callers, median(together), median(one_by_one), median(ratios), *least, *most);
    std::fflush(stdout);
    return median(ratios);
}

}  // namespace

int main(int count, char** arguments) {
    const std::filesystem::path folder = count > 1 ? arguments[1] : ".";
    std::printf("| callers at once | a second, committed together | a second, a commit for each | ratio (rounds) |\n|---|---|---|---|\n");
    (void)ratio_with(folder, 16);
    (void)ratio_with(folder, 64);
    const auto ratio = ratio_with(folder, 256);
    std::printf("\nPromised with as many as a busy server has under way: at least %.0f.\n", kPromised);
    return ratio >= kPromised ? 0 : 1;
}
