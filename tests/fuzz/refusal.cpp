// How servers refuse: status, headers and a body; above all how long they ask to be left alone.
#include "core/speech/remote.h"
#include "fake_wire.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::speech;

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const std::string_view bytes(data, size);
    const auto now = std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 56));
    net::HttpResponse head;
    const auto [which, rest] = pick(bytes, 200);
    head.status = 400 + static_cast<int>(which);
    const auto value = std::string(rest.substr(0, rest.find('\n')));
    for (const auto* name : {"retry-after", "retry-after-ms", "x-should-retry"}) {
        head.headers.emplace_back(name, value);
        if (const auto wait = net::retry_after(head, now)) expect(wait->count() >= 0 && *wait <= std::chrono::hours(1));
        head.headers.erase(head.headers.begin(), head.headers.end() - 1);
    }
    std::ignore = net::parse_http_date(value);
    const auto server = parse_server_error(rest);
    expect_text(server.message);
    Remote remote;
    remote.provider = "fuzz";
    expect_error(refusal(remote, head.status, server));
    std::ignore = worth_retrying(head, server);
    return 0;
}
