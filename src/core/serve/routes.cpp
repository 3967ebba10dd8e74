#include <algorithm>
#include <charconv>

#include "route.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::serve {
namespace {

constexpr int kMostListed = 500;
constexpr std::size_t kLongestSegment = 200;
constexpr std::size_t kTranscriptBody = 4 * 1024 * 1024, kWebhookBody = 8 * 1024 * 1024;

const std::vector<Who> kAnybodyKnown{Who::User, Who::Operator, Who::Service};
const std::vector<Who> kActors{Who::User, Who::Service};

QueryRule list_limit() { return {"limit", ValueKind::Integer, "At most so many, newest first", {}, kMostListed}; }
QueryRule before() { return {"before", ValueKind::Time, "Only what began before then"}; }
QueryRule after() { return {"after", ValueKind::Text, "Only what stands behind this one in the list: the last id of one page begins the next"}; }
QueryRule since() { return {"since", ValueKind::Time, "Only what began since then"}; }

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Decoded, when each % has its two digits and what comes out is text without control characters.
std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
    std::string copy(text);
    if (plus_is_blank) std::replace(copy.begin(), copy.end(), '+', ' ');
    for (std::size_t i = 0; i < copy.size(); ++i)
        if (copy[i] == '%' && (i + 2 >= copy.size() || !is_hex(copy[i + 1]) || !is_hex(copy[i + 2]))) return {};
    auto out = net::percent_decode(copy);
    const bool control = std::any_of(out.begin(), out.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
    if (control || out.size() > kLongestSegment || valid_utf8(out) != out) return {};
    return out;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& given, std::map<std::string, std::string, std::less<>>& values) {
    if (pattern.size() != given.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (!pattern[i].starts_with('{')) {
            if (pattern[i] != given[i]) return false;
            continue;
        }
        const auto value = decoded(given[i], false);
        if (!value || value->empty()) return false;
        values[pattern[i].substr(1, pattern[i].size() - 2)] = *value;
    }
    return true;
}

Result<void> check_value(const QueryRule& rule, const std::string& value) {
    const auto refuse = [&](std::string what) { return fail(Errc::Usage, "{}: {}", rule.name, what); };
    switch (rule.kind) {
        case ValueKind::Integer: {
            int number = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
            if (error != std::errc{} || end != value.data() + value.size() || number < 1 || number > rule.most) return refuse(fmt::format("a whole number from 1 to {}", rule.most));
            return {};
        }
        case ValueKind::Time: return parse_time(value) ? Result<void>() : refuse("a time like 2026-01-02T03:04:05Z");
        case ValueKind::Word:
            if (std::find(rule.words.begin(), rule.words.end(), value) == rule.words.end()) return refuse("one of " + fmt::format("{}", fmt::join(rule.words, ", ")));
            return {};
        case ValueKind::Text: return {};
    }
    return {};
}

}  // namespace

const std::vector<Route>& routes() {
    static const std::vector<Route> all{
        {"GET", "/health", "health", "Whether the process is there and takes work", {}, {}, "", "Health", 200, {503}},
        {"GET", "/health/db", "databaseHealth", "Whether the store answers", {}, {}, "", "Health", 200, {503}},
        {"GET", "/metrics", "metrics", "Prometheus' text format", {Who::Service, Who::Operator}},
        {"GET", "/openapi.json", "openapi", "This document", {}},
        {"POST", "/v1/calls", "startCall", "Make a room, its agent and a token for the caller: `voicectl call start` for a web page", kActors, {}, "CallRequest", "StartedCall", 201, {404, 409, 501, 502, 503}},
        {"GET", "/v1/calls", "listCalls", "Calls, newest first; a user sees his own", kAnybodyKnown,
         {list_limit(), after(), before(), since(), {"status", ValueKind::Word, "Only these", {"active", "completed", "failed"}}, {"room", ValueKind::Text, "Only of this room"}, {"agent", ValueKind::Text, "Only of this agent"}}, "", "CallList", 200, {404}},
        {"GET", "/v1/calls/{id}", "showCall", "One call by its number or room, with its detail record and its report", kAnybodyKnown, {}, "", "CallDetails", 200, {404}},
        {"GET", "/v1/calls/{id}/transcript", "showTranscript", "What was said", kAnybodyKnown,
         {{"format", ValueKind::Word, "json is of this API, the others as `voicectl transcript export` writes them", {"json", "jsonl", "csv", "md", "txt", "srt", "vtt"}}}, "", "Transcript", 200, {404}},
        {"GET", "/v1/calls/{id}/recording", "playRecording", "The recording, where its file lies on this machine; answers to Range", kAnybodyKnown, {}, "", "", 200, {404, 416}},
        {"POST", "/v1/calls/{id}/summary", "summarizeCall", "The summary of a call, made by the configured model once", kActors, {}, "SummaryRequest", "Assessment", 200, {404, 422, 425, 501, 502}},
        {"POST", "/v1/calls/{id}/evaluation", "evaluateCall", "Have the configured model judge a call", kActors, {}, "EvaluationRequest", "Assessment", 201, {404, 409, 422, 425, 501, 502}},
        {"POST", "/v1/sessions", "createSession", "Open a session; the same user and assignment get the one that is there", kActors, {}, "SessionRequest", "Session", 201, {404, 409}},
        {"GET", "/v1/sessions", "listSessions", "Sessions, newest first; a user sees his own", kAnybodyKnown,
         {list_limit(), after(), before(), since(), {"status", ValueKind::Word, "Only these", {"active", "completed", "failed"}}, {"userId", ValueKind::Text, "Only of this user"}, {"assignmentId", ValueKind::Text, "Only for this"}}, "", "SessionList", 200, {404}},
        {"GET", "/v1/sessions/{id}", "showSession", "One session, what it used and cost", kAnybodyKnown, {}, "", "SessionDetails", 200, {404}},
        {"PATCH", "/v1/sessions/{id}/finalize", "finalizeSession", "Mark it completed; what is completed keeps its time", kActors, {}, "NoBody", "Session", 200, {404}},
        {"POST", "/v1/sessions/{id}/transcript", "saveTranscript", "Store an attempt's transcript; sent again, it replaces that attempt", {Who::Service}, {}, "TranscriptRequest", "Call", 200, {404, 409}, kTranscriptBody},
        {"GET", "/v1/sessions/{id}/transcript", "showSessionTranscript", "What was said in the session's call", kAnybodyKnown, {}, "", "Transcript", 200, {404, 425}},
        {"POST", "/v1/sessions/{id}/summary", "summarizeSession", "The summary of the session's call", kActors, {}, "SummaryRequest", "Assessment", 200, {404, 422, 425, 501, 502}},
        {"POST", "/v1/sessions/{id}/evaluate", "evaluateSession", "Have the configured model judge the session's call", kActors, {}, "EvaluationRequest", "Assessment", 201, {404, 409, 422, 425, 501, 502}},
        {"PUT", "/v1/assignments/{id}", "assign", "Say which user an assignment is for: nobody else may open sessions for it", {Who::Service}, {}, "AssignmentRequest", "Assignment", 200},
        {"GET", "/v1/scenarios/{id}", "showScenario", "The prompt of a scenario, for agents", {Who::Service}, {}, "", "Scenario", 200, {404, 501}},
        {"GET", "/api/internal/scenarios/{id}", "showScenarioOld", "The same under the path that agents have as default", {Who::Service}, {}, "", "Scenario", 200, {404, 501}},
        {"GET", "/v1/voice", "voice", "A call with the agent of --agent over a WebSocket (docs/voice.md); anything else than an upgrade is 426", {}, {}, "", "", 101, {426, 501}},
        {"POST", "/v1/webhooks/livekit", "takeWebhook", "LiveKit's webhooks, judged by their own signature", {}, {}, "", "", 200, {401, 503}, kWebhookBody},
    };
    return all;
}

Match match(const std::string& method, const std::string& path) {
    Match out;
    const auto given = split(path, '/');
    for (const auto& route : routes()) {
        std::map<std::string, std::string, std::less<>> values;
        if (!matches(split(route.path, '/'), given, values)) continue;
        out.methods.emplace_back(route.method);
        if (out.methods.back() == "GET") out.methods.emplace_back("HEAD");
        if (method != route.method && !(method == "HEAD" && std::string_view(route.method) == "GET")) continue;
        out.route = &route;
        out.path = std::move(values);
    }
    return out;
}

Result<std::map<std::string, std::string, std::less<>>> read_query(const Route& route, const std::string& query) {
    std::map<std::string, std::string, std::less<>> out;
    if (query.empty()) return out;
    for (const auto& part : split(query, '&')) {
        const auto equals = part.find('=');
        const auto name = decoded(part.substr(0, equals), true);
        const auto value = decoded(equals == std::string::npos ? "" : part.substr(equals + 1), true);
        if (!name || !value) return fail(Errc::Usage, "the query has what is no text");
        const auto rule = std::find_if(route.query.begin(), route.query.end(), [&](const QueryRule& one) { return one.name == *name; });
        if (rule == route.query.end()) return fail(Errc::Usage, "there is no parameter '{}' here", plain_text(*name, 40));
        if (out.contains(*name)) return fail(Errc::Usage, "{}: stands twice", rule->name);
        VC_TRY(check_value(*rule, *value));
        out[*name] = *value;
    }
    return out;
}

}  // namespace voicectl::serve
