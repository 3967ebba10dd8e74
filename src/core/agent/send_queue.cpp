#include "send_queue.h"

#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

// A room that takes nothing for so long will not need the oldest of it.
constexpr std::size_t kMostWaiting = 100;

}  // namespace

void SendQueue::add(Send send, std::string kind) {
    if (!kind.empty()) std::erase_if(waiting_, [&](const Waiting& one) { return one.kind == kind; });
    if (waiting_.size() >= kMostWaiting) waiting_.pop_front();
    waiting_.push_back({std::move(send), std::move(kind)});
    if (!sending_) next();
}

void SendQueue::next() {
    if (waiting_.empty()) return;
    sending_ = true;
    const auto send = std::move(waiting_.front().send);
    waiting_.pop_front();
    send(lifeline_.guard([this](const Result<void>& sent) {
        sending_ = false;
        if (!sent) log::debug("agent", "not sent to the room", {{"why", sent.error().message}});
        next();
    }));
}

}  // namespace voicectl::agent
