// The tables of webhook events, on one connection and within its transactions. Throws Failure.
#pragma once

#include <utility>

#include "core/store/sql.h"
#include "core/store/webhook_facts.h"
#include "core/store/webhook_view.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::store {

class WebhookTables {
 public:
    explicit WebhookTables(Database& database) : database_(database) {}

    std::vector<bool> take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets);
    /// Newest first, those before `before` (0: from the newest); with the number that the next page begins before.
    std::vector<std::pair<std::int64_t, WebhookEvent>> page(const EventFilter& filter, std::int64_t before);
    std::optional<WebhookEvent> event(const std::string& id);
    std::optional<std::string> call_state(const std::string& sid_or_name);
    std::vector<std::pair<std::string, std::string>> open_calls(int limit);
    std::vector<Recording> recordings(const std::string& room, int limit);
    std::vector<Delivery> deliveries(const DeliveryFilter& filter);
    std::vector<Forward> due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now, int limit);
    std::optional<SystemTime> next_forward(const std::vector<std::string>& targets);
    void end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again);
    int drop_target(const std::string& target);
    int queued_forwards();
    int forget(SystemTime before);
    /// What forget() makes of a time.
    static SystemTime forgettable(SystemTime before);

 private:
    bool insert(const WebhookEvent& event);
    void merge(const WebhookFact& fact, SystemTime at);
    void save_recording(const Recording& recording);
    void log(const Delivery& delivery);
    std::vector<WebhookPart> parts_of(const std::string& sid);
    std::optional<std::string> sid_of(const std::string& sid_or_name);
    Database& database_;
};

}  // namespace voicectl::store
