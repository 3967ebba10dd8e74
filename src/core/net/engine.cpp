#include "engine.h"

#include <algorithm>

namespace voicectl::net {

Result<std::unique_ptr<Engine>> Engine::create() {
    VC_TRY_ASSIGN(const auto* curl, curl_library());
    CURLM* multi = curl->multi_init();
    if (multi == nullptr) return fail(Errc::Other, "libcurl has no memory");
    return std::unique_ptr<Engine>(new Engine(*curl, multi));
}

Engine::Engine(const CurlLibrary& curl, CURLM* multi) : curl_(curl), multi_(multi), thread_([this] { run(); }) {}

Engine::~Engine() {
    stopping_ = true;
    curl_.multi_wakeup(multi_);
    thread_.join();
    for (CURL* handle : idle_handles_) curl_.easy_cleanup(handle);
    curl_.multi_cleanup(multi_);
}

void Engine::submit(std::shared_ptr<Transfer> transfer) {
    bool first = false;
    {
        std::lock_guard lock(mutex_);
        first = submitted_.empty();  // who finds some there knows that the engine is on its way to them
        submitted_.push_back(std::move(transfer));
    }
    if (first) curl_.multi_wakeup(multi_);
}

void Engine::cancel(std::shared_ptr<Transfer> transfer) {
    {
        std::lock_guard lock(mutex_);
        cancelled_.push_back(std::move(transfer));
    }
    curl_.multi_wakeup(multi_);
}

void Engine::run() {
    while (!stopping_) {
        take_orders();
        int active = 0;
        curl_.multi_perform(multi_, &active);
        collect_finished();
        end_silent();
        curl_.multi_poll(multi_, nullptr, 0, poll_limit_ms(), nullptr);
    }
    take_orders();
    while (!running_.empty()) {
        const auto transfer = *running_.begin();
        release(transfer);
        transfer->finish_cancelled();
    }
}

void Engine::take_orders() {
    std::vector<std::shared_ptr<Transfer>> submitted, cancelled;
    {
        std::lock_guard lock(mutex_);
        submitted.swap(submitted_);
        cancelled.swap(cancelled_);
    }
    for (const auto& transfer : submitted) begin(transfer);
    for (const auto& transfer : cancelled) {
        if (!running_.contains(transfer)) continue;
        release(transfer);
        transfer->finish_cancelled();
    }
}

void Engine::begin(const std::shared_ptr<Transfer>& transfer) {
    CURL* handle = nullptr;
    if (idle_handles_.empty()) {
        handle = curl_.easy_init();
    } else {
        handle = idle_handles_.back();
        idle_handles_.pop_back();
    }
    if (handle == nullptr) return transfer->finish(CURLE_OUT_OF_MEMORY);
    transfer->set_up(handle);
    running_.insert(transfer);
    curl_.multi_add_handle(multi_, handle);
}

void Engine::collect_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_.multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const auto code = message->data.result;  // the message dies with the handle's removal
        const auto found = std::find_if(running_.begin(), running_.end(),
                                        [&](const auto& one) { return one->handle() == message->easy_handle; });
        if (found == running_.end()) continue;
        const auto transfer = *found;
        transfer->finish(code);
        release(transfer);
    }
}

void Engine::end_silent() {
    std::vector<std::shared_ptr<Transfer>> silent;
    const auto now = Clock::now();
    for (const auto& transfer : running_)
        if (transfer->silent_until() <= now) silent.push_back(transfer);
    for (const auto& transfer : silent) {
        release(transfer);
        transfer->finish_silent();
    }
}

void Engine::release(const std::shared_ptr<Transfer>& transfer) {
    const auto keep = transfer;
    curl_.multi_remove_handle(multi_, keep->handle());
    curl_.easy_reset(keep->handle());
    idle_handles_.push_back(keep->handle());
    running_.erase(keep);
}

int Engine::poll_limit_ms() const {
    auto until = Clock::now() + std::chrono::seconds(10);
    for (const auto& transfer : running_) until = std::min(until, transfer->silent_until());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(0, left));
}

}  // namespace voicectl::net
