// Webhook events: each call of Webhooks is one transaction over WebhookTables.
#include "core/store/sql_store.h"
#include "core/store/webhook_tables.h"

namespace voicectl::store {
namespace {

// The state is read, merged and written: one writer at a time.
Lock all_webhooks() { return Lock::of("webhooks"); }

}  // namespace

Result<std::vector<bool>> SqlStore::take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets) {
    return write(all_webhooks(), [&](Database& database) -> Result<std::vector<bool>> { return WebhookTables(database).take(events, targets); });
}

Result<void> SqlStore::log_refused(const std::vector<Delivery>& deliveries) {
    return write(all_webhooks(), [&](Database& database) -> Result<void> {
        WebhookTables(database).log_refused(deliveries);
        return {};
    });
}

Result<void> SqlStore::events(const EventFilter& filter, const std::function<bool(const WebhookEvent&)>& each) {
    std::int64_t before = 0;
    int shown = 0;
    while (true) {
        VC_TRY_ASSIGN(const auto page, read(Mode::Plain, [&](Database& database) -> Result<std::vector<std::pair<std::int64_t, WebhookEvent>>> {
                          return WebhookTables(database).page(filter, before);
                      }));
        if (page.empty()) return {};
        for (const auto& [number, event] : page) {
            if (!each(event) || ++shown == filter.limit) return {};
            before = number;
        }
    }
}

Result<WebhookEvent> SqlStore::event(const std::string& id) {
    return read(Mode::Plain, [&](Database& database) -> Result<WebhookEvent> {
        if (auto found = WebhookTables(database).event(id)) return std::move(*found);
        return fail(Errc::NotFound, "no webhook event {}", id);
    });
}

Result<std::string> SqlStore::call_state(const std::string& sid_or_name) {
    return read(Mode::Moment, [&](Database& database) -> Result<std::string> {
        if (auto found = WebhookTables(database).call_state(sid_or_name)) return std::move(*found);
        return fail(Errc::NotFound, "no webhook event told of a room {}", sid_or_name);
    });
}

Result<std::vector<std::pair<std::string, std::string>>> SqlStore::open_calls(int limit) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<std::pair<std::string, std::string>>> {
        return WebhookTables(database).open_calls(limit);
    });
}

Result<std::vector<Recording>> SqlStore::recordings(const std::string& room, int limit) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<Recording>> { return WebhookTables(database).recordings(room, limit); });
}

Result<std::vector<Delivery>> SqlStore::deliveries(const DeliveryFilter& filter) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<Delivery>> { return WebhookTables(database).deliveries(filter); });
}

Result<std::vector<Forward>> SqlStore::due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now,
                                                    int limit) {
    return read(Mode::Moment, [&](Database& database) -> Result<std::vector<Forward>> {
        return WebhookTables(database).due_forwards(targets, busy, now, limit);
    });
}

Result<std::optional<SystemTime>> SqlStore::next_forward(const std::vector<std::string>& targets) {
    return read(Mode::Moment, [&](Database& database) -> Result<std::optional<SystemTime>> { return WebhookTables(database).next_forward(targets); });
}

Result<void> SqlStore::end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again) {
    return write(all_webhooks(), [&](Database& database) -> Result<void> {
        WebhookTables(database).end_forward(id, attempt, again);
        return {};
    });
}

Result<int> SqlStore::drop_target(const std::string& target) {
    return write(all_webhooks(), [&](Database& database) -> Result<int> { return WebhookTables(database).drop_target(target); });
}

Result<int> SqlStore::queued_forwards() {
    return read(Mode::Plain, [&](Database& database) -> Result<int> { return WebhookTables(database).queued_forwards(); });
}

Result<int> SqlStore::forget(SystemTime before) {
    return write(all_webhooks(), [&](Database& database) -> Result<int> { return WebhookTables(database).forget(before); });
}

}  // namespace voicectl::store
