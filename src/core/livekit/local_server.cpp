#include "voicectl/livekit/local_server.h"

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

constexpr std::chrono::seconds kStartTime{15};
constexpr int kTries = 3;  // a port can be taken between our look and the server's bind

struct Ports {
    int http, tcp, udp;
};

Ports free_ports() {
    asio::io_context context;
    const auto loopback = asio::ip::make_address("127.0.0.1");
    const tcp::acceptor http(context, {loopback, 0});
    const tcp::acceptor media(context, {loopback, 0});
    const udp::socket datagrams(context, udp::endpoint(loopback, 0));
    return {http.local_endpoint().port(), media.local_endpoint().port(), datagrams.local_endpoint().port()};
}

bool answers(int port) {
    try {
        asio::io_context context;
        tcp::socket socket(context);
        socket.connect({asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(port)});
        asio::write(socket, asio::buffer(std::string("GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")));
        asio::streambuf reply;
        boost::system::error_code ended;
        asio::read(socket, reply, ended);
        const std::string text(asio::buffers_begin(reply.data()), asio::buffers_end(reply.data()));
        return text.find(" 200 ") != std::string::npos;
    } catch (const boost::system::system_error&) {
        return false;
    }
}

std::string tail(const std::string& path) {
    const auto text = read_file(path);
    if (!text) return {};
    const auto lines = split(trim(*text), '\n');
    return lines.empty() ? "" : redact(lines.back());
}

// On loopback only: without `interfaces` UDP binds to whatever the machine has.
std::string config_yaml(const Ports& ports, const ApiKey& key, const LocalServerOptions& options) {
    auto extra = options.extra_yaml;
    if (!options.redis.empty()) extra += fmt::format("\nredis: {{address: \"{}\"}}\n", options.redis);
    if (!options.webhooks.empty()) extra += fmt::format("\nwebhook: {{api_key: {}, urls: [\"{}\"]}}\n", key.key, fmt::join(options.webhooks, "\", \""));
    return fmt::format(
        "port: {}\nbind_addresses: [\"127.0.0.1\"]\n"
        "rtc:\n  tcp_port: {}\n  udp_port: {}\n  node_ip: 127.0.0.1\n  use_external_ip: false\n"
        "  enable_loopback_candidate: true\n  interfaces: {{includes: [lo]}}\n"
        "keys: {{{}: {}}}\nlogging: {{level: info}}\n{}\n",
        ports.http, ports.tcp, ports.udp, key.key, key.secret, extra);
}

}  // namespace

int free_port() {
    asio::io_context context;
    return tcp::acceptor(context, {asio::ip::make_address("127.0.0.1"), 0}).local_endpoint().port();
}

namespace {

std::optional<std::string> find_part(const char* variable, const std::string& name) {
    if (const char* named = std::getenv(variable); named != nullptr && *named != '\0') return named;
    if (auto found = find_program(name)) return found;
    const auto beside = std::filesystem::path(own_executable()).parent_path() / name;
    if (std::filesystem::exists(beside)) return beside.string();
    return std::nullopt;
}

}  // namespace

Result<std::string> find_local_server(const std::string& program) {
    if (!program.empty()) return program;
    if (auto found = find_part("VOICECTL_LIVEKIT_SERVER", "livekit-server")) return *found;
    return fail_with_hint(Errc::Missing, "no livekit-server on PATH",
                          "./scripts/setup installs it, or set VOICECTL_LIVEKIT_SERVER to its path");
}

Result<std::string> find_local_redis() {
    if (auto found = find_part("VOICECTL_REDIS_SERVER", "redis-server")) return *found;
    return fail_with_hint(Errc::Missing, "no redis-server on PATH", "LiveKit records nothing without one: apt-get install redis-server, or set VOICECTL_REDIS_SERVER to its path");
}

Result<std::string> find_local_storage() {
    if (auto found = find_part("VOICECTL_VERSITYGW", "versitygw")) return *found;
    return fail_with_hint(Errc::Missing, "no versitygw on PATH", "it is the S3 of this machine: ./scripts/setup installs it, or set VOICECTL_VERSITYGW to its path");
}

Result<std::unique_ptr<LocalServer>> LocalServer::start(const LocalServerOptions& options) {
    VC_TRY_ASSIGN(auto program, find_local_server(options.program));
    std::unique_ptr<LocalServer> server(new LocalServer);
    server->program_ = std::move(program);
    server->folder_ = (std::filesystem::temp_directory_path() / ("voicectl-server-" + random_id(10))).string();
    std::error_code failed;
    std::filesystem::create_directory(server->folder_, failed);
    if (failed) return fail(Errc::Io, "cannot create {}: {}", server->folder_, failed.message());
    std::filesystem::permissions(server->folder_, std::filesystem::perms::owner_all, failed);
    server->log_path_ = server->folder_ + "/server.log";
    server->config_path_ = server->folder_ + "/config.yaml";

    auto& key = server->address_.key;
    key = options.key.value_or(ApiKey{"API" + random_id(10), random_id(48)});
    register_secret(key.secret);

    Result<void> launched;
    for (int attempt = 0; attempt < kTries; ++attempt) {
        const auto ports = free_ports();
        server->port_ = ports.http;
        server->address_.url = fmt::format("ws://127.0.0.1:{}", ports.http);
        VC_TRY(write_file_atomically(server->config_path_, config_yaml(ports, key, options), 0600));
        launched = server->launch();
        if (launched) return server;
        if (launched.error().code == Errc::Missing) break;
    }
    return std::unexpected(std::move(launched).error().while_doing("starting livekit-server"));
}

Result<void> LocalServer::launch() {
    VC_TRY_ASSIGN(process_, Process::start({program_, {"--config", config_path_, "--node-ip", "127.0.0.1"}, {}, folder_, log_path_}));
    return wait_until_ready();
}

Result<void> LocalServer::wait_until_ready() {
    const auto deadline = Deadline::in(kStartTime);
    while (!deadline.passed()) {
        if (const auto code = process_->wait_for(std::chrono::milliseconds{20}))
            return fail(Errc::Other, "it ended with code {}: {}", *code, tail(log_path_));
        if (answers(port_)) return {};
    }
    return fail(Errc::Timeout, "no answer within {} s: {}", kStartTime.count(), tail(log_path_));
}

Result<void> LocalServer::restart() {
    process_->terminate();
    return launch();
}

LocalServer::~LocalServer() {
    if (process_) process_->signal(9);  // nothing of it is kept; a polite stop waits for participants
    process_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace voicectl::livekit
