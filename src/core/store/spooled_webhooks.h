// Webhook events of a spooled store. They do not wait in its file: LiveKit sends them again to who is not answered 200.
#pragma once

#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::store {

class SpooledWebhooks final : public Webhooks {
 public:
    /// `database`: the store behind, or why it is away.
    using Behind = std::function<Result<Store*>()>;
    explicit SpooledWebhooks(Behind database) : database_(std::move(database)) {}

    Result<std::vector<bool>> take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets) override;
    Result<void> log_refused(const std::vector<Delivery>& deliveries) override;
    Result<void> events(const EventFilter& filter, const std::function<bool(const WebhookEvent&)>& each) override;
    Result<WebhookEvent> event(const std::string& id) override;
    Result<std::string> call_state(const std::string& sid_or_name) override;
    Result<std::vector<std::pair<std::string, std::string>>> open_calls(int limit) override;
    Result<std::vector<Recording>> recordings(const std::string& room, int limit) override;
    Result<std::vector<Delivery>> deliveries(const DeliveryFilter& filter) override;
    Result<std::vector<Forward>> due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now,
                                              int limit) override;
    Result<std::optional<SystemTime>> next_forward(const std::vector<std::string>& targets) override;
    Result<void> end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again) override;
    Result<int> drop_target(const std::string& target) override;
    Result<int> queued_forwards() override;
    Result<int> forget(SystemTime before) override;

 private:
    template<class Work>
    auto ask(Work work) -> decltype(work(std::declval<Webhooks&>())) {
        VC_TRY_ASSIGN(auto* store, database_());
        return work(store->webhooks());
    }
    Behind database_;
};

}  // namespace voicectl::store
