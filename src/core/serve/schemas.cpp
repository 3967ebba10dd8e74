// Every schema of the API (requirement F4: in one place). JSON Schema as draft 7 and OpenAPI 3.1 both read it.
#include "route.h"

namespace voicectl::serve {
namespace {

using nlohmann::json;

// Nothing but what is named: a field that nobody asked for is no way to set what is not meant to be set.
json object(json properties, json required = json::array()) {
    json out{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (!required.empty()) out["required"] = std::move(required);
    return out;
}
json text(int most = 0, int least = 0) {
    json out{{"type", "string"}};
    if (most > 0) out["maxLength"] = most;
    if (least > 0) out["minLength"] = least;
    return out;
}
json id() { return text(128, 1); }
json time() { return {{"type", "string"}, {"format", "date-time"}}; }
json integer() { return {{"type", "integer"}}; }
json yes_no() { return {{"type", "boolean"}}; }
json open_object() { return {{"type", "object"}}; }
json words(json list) { return {{"type", "string"}, {"enum", std::move(list)}}; }
json list_of(json item, int most = 0) {
    json out{{"type", "array"}, {"items", std::move(item)}};
    if (most > 0) out["maxItems"] = most;
    return out;
}
json or_null(json one) {
    if (one.contains("enum")) one["enum"].push_back(nullptr);
    one["type"] = json::array({one["type"], "null"});
    return one;
}
json ref(const char* name) { return {{"$ref", std::string("#/components/schemas/") + name}}; }
json status() { return words({"active", "completed", "failed"}); }

json call_fields() {
    return {{"id", integer()}, {"room", text()}, {"attempt", integer()}, {"agentName", text()}, {"jobId", text()}, {"callerIdentity", text()},
            {"dispatchMetadata", text()}, {"status", status()}, {"reason", text()}, {"startedAt", time()}, {"startedAtMs", integer()},
            {"endedAt", or_null(time())}, {"endedAtMs", or_null(integer())}, {"durationMs", or_null(integer())}, {"turnCount", integer()}};
}

json session_fields() {
    return {{"id", text()}, {"userId", text()}, {"assignmentId", text()}, {"callId", or_null(integer())}, {"status", status()},
            {"startedAt", time()}, {"startedAtMs", integer()}, {"completedAt", or_null(time())}, {"completedAtMs", or_null(integer())}, {"usage", or_null(open_object())}};
}

json with(json fields, const json& more) {
    fields.update(more);
    return fields;
}

json names_of(const json& fields) {
    json out = json::array();
    for (const auto& [name, rule] : fields.items()) out.push_back(name);
    return out;
}

json all_of(const json& fields) { return object(fields, names_of(fields)); }

json make() {
    const json turn_given = object({{"speaker", words({"user", "agent"})}, {"text", text(20'000)}, {"identity", text(256)}, {"startedAt", time()},
                                    {"endedAt", time()}, {"interrupted", yes_no()}, {"detail", open_object()}}, {"speaker", "text"});
    json out;
    out["NoBody"] = object(json::object());
    out["CallRequest"] = object({{"userId", id()}, {"agentName", text(128, 1)}, {"identity", id()}, {"assignmentId", id()}, {"scenarioId", id()}, {"metadata", open_object()}, {"record", yes_no()}});
    out["SummaryRequest"] = object({{"again", yes_no()}});
    out["EvaluationRequest"] = object({{"criteria", {{"type", "array"}, {"items", text(1000, 1)}, {"minItems", 1}, {"maxItems", 50}}}, {"again", yes_no()}}, {"criteria"});
    out["SessionRequest"] = object({{"id", id()}, {"userId", id()}, {"assignmentId", id()}, {"callId", integer()}});
    out["TranscriptRequest"] = object({{"attempt", {{"type", "integer"}, {"minimum", 1}, {"maximum", 10'000}}}, {"room", id()}, {"agentName", text(128)}, {"turns", list_of(turn_given, 10'000)}}, {"turns"});
    out["AssignmentRequest"] = object({{"userId", id()}}, {"userId"});

    out["Health"] = object({{"status", words({"ok", "draining", "failed"})}, {"version", text()}, {"uptimeSeconds", integer()}, {"reason", text()}}, {"status"});
    out["Call"] = all_of(call_fields());
    out["CallList"] = object({{"calls", list_of(ref("Call"))}, {"more", yes_no()}}, {"calls", "more"});
    out["CallDetails"] = all_of(with(call_fields(), {{"record", open_object()}, {"report", open_object()}, {"recording", or_null(open_object())}}));
    auto turn = all_of({{"sequence", integer()}, {"speaker", words({"user", "agent"})}, {"identity", text()}, {"text", text()}, {"startedAt", or_null(time())}, {"startedAtMs", or_null(integer())},
                        {"endedAt", or_null(time())}, {"endedAtMs", or_null(integer())}, {"offsetMs", or_null(integer())}, {"durationMs", or_null(integer())}, {"interrupted", yes_no()}, {"detail", open_object()}});
    out["Turn"] = std::move(turn);
    out["Transcript"] = object({{"call", ref("Call")}, {"turns", list_of(ref("Turn"))}, {"more", yes_no()}}, {"call", "turns", "more"});
    out["StartedCall"] = object({{"room", text()}, {"url", text()}, {"token", text()}, {"tokenExpires", time()}, {"identity", text()}, {"metadata", open_object()}, {"agents", list_of(open_object())},
                                 {"recording", or_null(open_object())}}, {"room", "url", "token", "tokenExpires", "identity"});
    out["Assessment"] = object({{"callId", integer()}, {"room", text()}, {"kind", words({"summary", "evaluation"})}, {"model", text()}, {"madeAt", time()}, {"new", yes_no()}, {"summary", text()},
                                {"score", integer()}, {"criteria", list_of(open_object())}}, {"callId", "kind", "model", "madeAt", "new", "summary"});
    out["Session"] = all_of(session_fields());
    out["SessionList"] = object({{"sessions", list_of(ref("Session"))}, {"more", yes_no()}}, {"sessions", "more"});
    out["SessionDetails"] = object(with(session_fields(), {{"room", or_null(text())}, {"durationMs", or_null(integer())}, {"reason", or_null(text())}, {"costs", or_null(open_object())}, {"record", or_null(open_object())}}), names_of(session_fields()));
    out["Assignment"] = all_of({{"id", text()}, {"userId", text()}});
    out["Scenario"] = object({{"prompt", text()}, {"greeting", text()}}, {"prompt"});
    out["Error"] = object({{"ok", {{"const", false}}},
                           {"error", object({{"type", text()}, {"message", text()}, {"hint", text()}, {"requestId", text()}}, {"type", "message", "requestId"})}}, {"ok", "error"});
    return out;
}

}  // namespace

const json& all_schemas() {
    static const json all = make();
    return all;
}

const json& schema(std::string_view name) {
    static const json none = json::object();
    const auto found = all_schemas().find(name);
    return found == all_schemas().end() ? none : *found;
}

}  // namespace voicectl::serve
