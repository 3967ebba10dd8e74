#include "commands/webhook/hook_view.h"

#include <algorithm>

#include "commands/json_path.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/json.h"

namespace voicectl::commands {
namespace {

constexpr int kDeepestPayload = 64;

Json payload_of(const std::string& body) {
    if (!parse_object(body, kDeepestPayload)) return nullptr;
    auto payload = Json::parse(body, nullptr, false);
    livekit::mask_secrets(payload);
    return payload;
}

std::string at(const Json& object, const char* first, const char* second) {
    const auto found = object.find(first);
    return found != object.end() && found->is_object() ? text_at(*found, second) : std::string();
}

/// Who or what, and how it ended.
std::string subject(const Json& payload) {
    if (!payload.is_object()) return {};
    std::vector<std::string> parts;
    for (const auto& text : {at(payload, "participant", "identity"), at(payload, "participant", "disconnectReason"), at(payload, "track", "source"),
                             at(payload, "egressInfo", "egressId"), at(payload, "egressInfo", "status"), at(payload, "egressInfo", "error"),
                             at(payload, "ingressInfo", "ingressId")})
        if (!text.empty()) parts.push_back(terminal_safe(text));
    return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

Json hook_json(const store::WebhookEvent& event) {
    return {{"id", event.id},
            {"event", event.event},
            {"room", event.room},
            {"roomSid", event.room_sid},
            {"createdAt", format_time(event.created_at)},
            {"receivedAt", format_time(event.received_at)},
            {"key", event.key},
            {"payload", payload_of(event.body)}};
}

Json handled_json(const webhook::Handled& handled) {
    auto out = hook_json(handled.event);
    out["outcome"] = webhook::to_string(handled.outcome);
    out["status"] = handled.status;
    out["tookMs"] = handled.took.count();
    return out;
}

std::string hook_line(const Json& event) {
    auto line = fmt::format("{}  {:<20} {}", event["receivedAt"].get<std::string>().substr(11, 12), terminal_safe(text_at(event, "event")),
                            terminal_safe(text_at(event, "room")));
    const auto about = subject(event["payload"]);
    if (!about.empty()) line += "  " + about;
    if (text_at(event, "outcome") == "repeated") line += "  (came before)";
    return line;
}

std::string hook_text(const Output& out, bool people, const Json& event) {
    if (people) return hook_line(event) + "\n";
    if (out.format == Format::Name) return scalar_text(event["id"]) + "\n";
    if (!out.get.empty()) {
        std::string text;
        if (const auto found = find_all(event, out.get))
            for (const auto* one : *found) text += scalar_text(*one) + "\n";
        return text;
    }
    Json chosen = out.fields.empty() ? event : Json::object();
    for (const auto& field : out.fields)
        if (event.contains(field)) chosen[field] = event[field];
    if (out.format != Format::Tsv) return json_text(chosen) + "\n";
    std::vector<std::string> cells;
    for (const auto& field : out.fields) {
        auto& cell = cells.emplace_back(event.contains(field) ? scalar_text(event[field]) : std::string());
        std::replace_if(cell.begin(), cell.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
    }
    return fmt::format("{}\n", fmt::join(cells, "\t"));
}

Json delivery_json(const store::Delivery& d) {
    return {{"eventId", d.event_id}, {"event", d.event},     {"room", d.room},          {"target", d.target}, {"attempt", d.attempt},
            {"outcome", d.outcome},  {"status", d.status},   {"tookMs", d.took.count()}, {"at", format_time(d.at)}, {"reason", d.reason}};
}

}  // namespace voicectl::commands
