#include "core/store/spooled_webhooks.h"

namespace voicectl::store {

Result<std::vector<bool>> SpooledWebhooks::take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets) {
    return ask([&](Webhooks& hooks) { return hooks.take(events, targets); });
}

Result<void> SpooledWebhooks::log_refused(const std::vector<Delivery>& deliveries) {
    return ask([&](Webhooks& hooks) { return hooks.log_refused(deliveries); });
}

Result<void> SpooledWebhooks::events(const EventFilter& filter, const std::function<bool(const WebhookEvent&)>& each) {
    return ask([&](Webhooks& hooks) { return hooks.events(filter, each); });
}

Result<WebhookEvent> SpooledWebhooks::event(const std::string& id) {
    return ask([&](Webhooks& hooks) { return hooks.event(id); });
}

Result<std::string> SpooledWebhooks::call_state(const std::string& sid_or_name) {
    return ask([&](Webhooks& hooks) { return hooks.call_state(sid_or_name); });
}

Result<std::vector<std::pair<std::string, std::string>>> SpooledWebhooks::open_calls(int limit) {
    return ask([&](Webhooks& hooks) { return hooks.open_calls(limit); });
}

Result<std::vector<Recording>> SpooledWebhooks::recordings(const std::string& room, int limit) {
    return ask([&](Webhooks& hooks) { return hooks.recordings(room, limit); });
}

Result<std::vector<Delivery>> SpooledWebhooks::deliveries(const DeliveryFilter& filter) {
    return ask([&](Webhooks& hooks) { return hooks.deliveries(filter); });
}

Result<std::vector<Forward>> SpooledWebhooks::due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now,
                                                           int limit) {
    return ask([&](Webhooks& hooks) { return hooks.due_forwards(targets, busy, now, limit); });
}

Result<std::optional<SystemTime>> SpooledWebhooks::next_forward(const std::vector<std::string>& targets) {
    return ask([&](Webhooks& hooks) { return hooks.next_forward(targets); });
}

Result<void> SpooledWebhooks::end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again) {
    return ask([&](Webhooks& hooks) { return hooks.end_forward(id, attempt, again); });
}

Result<int> SpooledWebhooks::drop_target(const std::string& target) {
    return ask([&](Webhooks& hooks) { return hooks.drop_target(target); });
}

Result<int> SpooledWebhooks::queued_forwards() {
    return ask([](Webhooks& hooks) { return hooks.queued_forwards(); });
}

Result<int> SpooledWebhooks::forget(SystemTime before) {
    return ask([&](Webhooks& hooks) { return hooks.forget(before); });
}

}  // namespace voicectl::store
