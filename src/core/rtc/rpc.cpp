// Methods that others call on us. The core keeps them by session: they are registered again in every new one.
#include "core/rtc/room_impl.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::rtc {
namespace {

/// One call that waits. Answered once; whoever lets go of it without an answer has failed.
class Waiting {
 public:
    Waiting(std::weak_ptr<Session> session, Ffi::Id invocation)
        : session_(std::move(session)), invocation_(invocation) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { answer(std::unexpected(RpcFault{.message = "no answer"})); }

    void answer(const std::expected<std::string, RpcFault>& answer) {
        if (std::exchange(answered_, true)) return;
        const auto session = session_.lock();
        if (!session) return;  // whoever waited waits for another session
        if (const auto sent = session->answer_rpc(invocation_, answer); !sent)
            log::debug("rtc", "a call could not be answered", {{"why", sent.error().message}});
    }

 private:
    std::weak_ptr<Session> session_;
    Ffi::Id invocation_;
    bool answered_ = false;
};

}  // namespace

void RoomImpl::serve(const std::string& method, RpcMethod answer) {
    loop_.assert_current();
    const bool known = methods_.contains(method);
    methods_.insert_or_assign(method, std::make_shared<const RpcMethod>(std::move(answer)));
    if (!known && session_) register_method(method);
}

void RoomImpl::register_method(const std::string& method) {
    if (const auto done = session_->register_rpc(method); !done)
        log::warn("rtc", "a method cannot be called by others", {{"method", method}, {"why", done.error().message}});
}

void RoomImpl::register_methods() {
    for (const auto& [method, answer] : methods_) register_method(method);
}

void RoomImpl::handle_invocation(const EventPtr& event) {
    const auto& told = event->message().rpc_method_invocation();
    const auto waiting = std::make_shared<Waiting>(session_, told.invocation_id());
    const auto found = methods_.find(told.method());
    if (found == methods_.end()) return waiting->answer(std::unexpected(RpcFault{1400, "Method not supported at destination"}));
    const RpcCall call{told.method(), told.payload(), told.caller_identity(),
                       // The server API calls under the call's own id.
                       told.caller_identity() == told.request_id(),
                       std::chrono::milliseconds(told.response_timeout_ms())};
    const auto method = found->second;  // it may drop us
    (*method)(call, [waiting](const std::expected<std::string, RpcFault>& answer) { waiting->answer(answer); });
}

}  // namespace voicectl::rtc
