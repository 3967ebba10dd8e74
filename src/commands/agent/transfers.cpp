#include "commands/agent/transfers.h"

#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

// With the way there and back, and a wait for a thread, that is still within agent::kTransferTime: nobody is transferred
// after the agent was told that it has failed.
constexpr std::chrono::seconds kRinging{25}, kLongestWait{2};

Result<void> transfer_now(const livekit::Server& server, const agent::Transfer& wanted, TimePoint asked, std::stop_token stop) {
    if (Clock::now() - asked > kLongestWait) return fail(Errc::Unreachable, "too many calls are being transferred");
    net::HttpClient http;
    livekit::TwirpClient twirp(http, server);
    twirp.stop_with(std::move(stop));
    return livekit::SipApi(twirp).transfer(wanted.room, wanted.identity, wanted.to, kRinging);
}

}  // namespace

void Transfers::ask(const agent::Transfer& wanted, agent::TransferDone done) {
    auto answer = lifeline_.guard(std::move(done));
    workers_.post([&loop = loop_, server = server_, wanted, answer, asked = Clock::now(), stop = stop_.get_token()]() mutable {
        loop.post([answer, result = transfer_now(server, wanted, asked, stop)]() mutable { answer(result); });
    });
}

}  // namespace voicectl::commands
