#include <algorithm>
#include <set>

#include "handlers.h"

namespace voicectl::serve {
namespace {

using Document = nlohmann::ordered_json;

const char* words_of(int status) {
    switch (status) {
        case 400: return "The request is not what it has to be";
        case 401: return "A key or token is missing or not good";
        case 403: return "Whoever asks may not do this";
        case 404: return "There is none, or none of yours";
        case 409: return "It is there already, or somebody else's";
        case 413: return "The body is too large";
        case 415: return "The body is no JSON";
        case 416: return "The range lies outside of the file";
        case 422: return "It is understood, and cannot be done";
        case 425: return "Not there yet: ask again later";
        case 426: return "This is for a WebSocket";
        case 429: return "Too many requests: Retry-After says when";
        case 501: return "This server is not configured for it";
        case 502: return "A service behind this one failed";
        default: return "Not possible at the moment";
    }
}

Document reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

Document json_content(Document schema) {
    Document out;
    out["application/json"]["schema"] = std::move(schema);
    return out;
}

Document wrapped(const std::string& name) {
    Document out{{"type", "object"}};
    out["required"] = {"ok", "data"};
    out["properties"]["ok"]["const"] = true;
    out["properties"]["data"] = reference(name);
    return out;
}

Document parameter(const std::string& name, const char* where, Document schema, const std::string& about) {
    Document out{{"name", name}, {"in", where}};
    if (!about.empty()) out["description"] = about;
    if (std::string_view(where) == "path") out["required"] = true;
    out["schema"] = std::move(schema);
    return out;
}

Document schema_of(const QueryRule& rule) {
    switch (rule.kind) {
        case ValueKind::Integer: return {{"type", "integer"}, {"minimum", 1}, {"maximum", rule.most}};
        case ValueKind::Time: return {{"type", "string"}, {"format", "date-time"}};
        case ValueKind::Word: return {{"type", "string"}, {"enum", rule.words}};
        case ValueKind::Text: return {{"type", "string"}, {"maxLength", 200}};
    }
    return Document::object();
}

Document parameters_of(const Route& route) {
    auto out = Document::array();
    std::string_view path = route.path;
    for (auto from = path.find('{'); from != path.npos; from = path.find('{', from + 1))
        out.push_back(parameter(std::string(path.substr(from + 1, path.find('}', from) - from - 1)), "path", {{"type", "string"}, {"minLength", 1}, {"maxLength", 200}}, ""));
    for (const auto& rule : route.query) out.push_back(parameter(rule.name, "query", schema_of(rule), rule.about));
    return out;
}

Document content_of(const Route& route) {
    const std::string_view id = route.id;
    if (id == "openapi") return json_content({{"type", "object"}});
    if (std::string_view(route.answer) == "Health") return json_content(reference("Health"));
    if (*route.answer != '\0') {
        auto out = json_content(wrapped(route.answer));
        if (id == "showTranscript")
            for (const char* type : {"application/x-ndjson", "text/csv", "text/markdown", "text/plain", "application/x-subrip", "text/vtt"}) out[type]["schema"] = {{"type", "string"}};
        return out;
    }
    Document out;
    if (id == "playRecording")
        for (const char* type : {"audio/ogg", "audio/mpeg", "audio/wav", "audio/flac", "audio/mp4", "audio/webm"}) out[type] = Document::object();
    else out["text/plain"]["schema"] = {{"type", "string"}};
    return out;
}

std::set<int> faults_of(const Route& route) {
    std::set<int> out(route.faults.begin(), route.faults.end());
    const std::string_view id = route.id;
    if (id == "health" || id == "databaseHealth" || id == "openapi") return out;
    if (id != "takeWebhook") out.insert({400, 429, 500, 503, 504});
    if (!route.who.empty()) out.insert({401, 403});
    if (*route.request != '\0') out.insert({413, 415});
    return out;
}

Document answers_of(const Route& route) {
    Document out;
    out[std::to_string(route.status)] = {{"description", "Done"}, {"content", content_of(route)}};
    if (route.status == 101) out["101"] = {{"description", "A WebSocket from here on"}};
    if (route.status == 201) out["200"] = {{"description", "It was there already"}, {"content", content_of(route)}};
    if (std::string_view(route.id) == "playRecording") out["206"] = {{"description", "A part of it"}, {"content", content_of(route)}};
    const bool health = std::string_view(route.answer) == "Health";
    for (const int status : faults_of(route)) {
        Document answer{{"description", words_of(status)}};
        if (status != 416) answer["content"] = std::string_view(route.id) == "takeWebhook" ? content_of(route) : json_content(reference(health ? "Health" : "Error"));
        out[std::to_string(status)] = std::move(answer);
    }
    return out;
}

Document security_of(const Route& route) {
    auto out = Document::array();
    for (const auto who : route.who) {
        if (who == Who::User) out.push_back({{"user", Document::array()}});
        if (who == Who::Service) out.push_back({{"service", Document::array()}});
        if (who == Who::Operator) out.push_back({{"page", Document::array()}});
    }
    return out;
}

}  // namespace

Document openapi_document(const std::string& version) {
    Document out{{"openapi", "3.1.0"}};
    out["info"] = {{"title", "voicectl serve"}, {"version", version}, {"description", "Calls, sessions and transcripts of LiveKit voice agents over HTTP, and LiveKit's webhooks."}, {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
    out["servers"] = Document::array({{{"url", "/"}}});
    for (const auto& route : routes()) {
        std::string method = route.method;
        std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        auto& operation = out["paths"][route.path][method];
        operation["operationId"] = route.id;
        operation["summary"] = route.about;
        if (auto parameters = parameters_of(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
        if (*route.request != '\0') {
            const bool needed = schema(route.request).contains("required");
            operation["requestBody"] = {{"required", needed}, {"content", json_content(reference(route.request))}};
        } else if (std::string_view(route.id) == "takeWebhook") {
            Document body;
            body["application/webhook+json"]["schema"] = {{"type", "object"}};
            operation["requestBody"] = {{"required", true}, {"content", std::move(body)}};
        }
        operation["responses"] = answers_of(route);
        operation["security"] = security_of(route);
    }
    out["components"]["schemas"] = all_schemas();
    auto& schemes = out["components"]["securitySchemes"];
    schemes["service"] = {{"type", "apiKey"}, {"in", "header"}, {"name", "X-Internal-Service-Key"}};
    schemes["user"] = {{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}};
    schemes["page"] = {{"type", "apiKey"}, {"in", "cookie"}, {"name", "voicectl"}};
    return out;
}

}  // namespace voicectl::serve
