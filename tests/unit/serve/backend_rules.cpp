// The rules that decide before any handler does: paths, queries, origins.
#include <doctest/doctest.h>

#include "core/serve/cors.h"
#include "core/serve/route.h"

namespace voicectl::serve {
namespace {

using Query = std::map<std::string, std::string, std::less<>>;

const Route& route_of(std::string_view id) {
    for (const auto& one : routes())
        if (id == one.id) return one;
    FAIL("no route ", std::string(id));
    return routes().front();
}

std::string matched(const std::string& method, const std::string& path) {
    const auto found = match(method, path);
    return found.route != nullptr ? found.route->id : "";
}

net::ServedRequest preflight_from(const std::string& origin) {
    return {"OPTIONS", "/v1/calls", "", {{"origin", origin}, {"access-control-request-method", "POST"}}, "", "127.0.0.1:1"};
}

}  // namespace

TEST_CASE("a path is matched as it is written, and its ids are decoded once") {
    CHECK(matched("GET", "/v1/calls") == "listCalls");
    CHECK(matched("HEAD", "/v1/calls") == "listCalls");
    CHECK(matched("GET", "/v1/calls/7/transcript") == "showTranscript");
    CHECK(match("GET", "/v1/calls/a%2Fb%20c").path.at("id") == "a/b c");
    CHECK(match("GET", "/v1/calls/a%252e").path.at("id") == "a%2e");
    CHECK(match("GET", "/v1/calls/a+b").path.at("id") == "a+b");
    for (const char* path : {"", "/", "/v1/calls/", "//v1/calls", "/V1/calls", "/v1/%63alls", "/v1/calls/%", "/v1/calls/%4", "/v1/calls/%zz", "/v1/calls/%00", "/v1/calls/%0a", "/v1/calls/%ff", "/v1/calls/%c0%af", "/v1/calls/a/b"})
        CHECK_MESSAGE(match("GET", path).methods.empty(), std::string(path));
    CHECK(matched("GET", "/v1/calls/" + std::string(200, 'a')) == "showCall");
    CHECK(matched("GET", "/v1/calls/" + std::string(201, 'a')).empty());
}

TEST_CASE("of a method that a path does not have, those are told that it has") {
    const auto found = match("DELETE", "/v1/calls");
    CHECK(found.route == nullptr);
    CHECK(found.methods == std::vector<std::string>{"POST", "GET", "HEAD"});
    CHECK(matched("get", "/v1/calls").empty());
    CHECK(matched("HEAD", "/v1/webhooks/livekit").empty());
}

TEST_CASE("every route has a name of its own and schemas that are there") {
    std::map<std::string, int> names;
    for (const auto& one : routes()) {
        CHECK(++names[one.id] == 1);
        for (const char* name : {one.request, one.answer}) CHECK((*name == '\0' || all_schemas().contains(name)));
    }
}

TEST_CASE("a query holds what its rules name, once, in their form") {
    const auto& calls = route_of("listCalls");
    CHECK(read_query(calls, "").value().empty());
    CHECK(read_query(calls, "limit=500&room=a+b%2B&status=active").value() == Query{{"limit", "500"}, {"room", "a b+"}, {"status", "active"}});
    CHECK(read_query(calls, "before=2026-01-02T03:04:05.678Z").has_value());
    for (const char* query : {"limit=0", "limit=501", "limit=-1", "limit=1.0", "limit=+1", "limit=%201", "limit=", "limit", "limit=99999999999999999999", "limit=1&limit=1", "limit=1&limit=2", "more=1", "Limit=1", "=", "&", "limit=1&", "room=%", "room=%0",
                              "room=%00", "room=%0d%0a", "room=%ff", "since=now", "since=", "status=", "status=Active", "status=active,failed"})
        CHECK_MESSAGE(!read_query(calls, query).has_value(), std::string(query));
    CHECK(read_query(calls, "room=" + std::string(200, 'a')).has_value());
    CHECK_FALSE(read_query(calls, "room=" + std::string(201, 'a')).has_value());
    CHECK_FALSE(read_query(route_of("showCall"), "a=1").has_value());
}

TEST_CASE("an origin is scheme, host and port, with TLS where others can listen") {
    for (const char* good : {"https://app.example.com", "https://app.example.com/", "HTTPS://App.Example.com:8443", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:80"}) CHECK_MESSAGE(Cors::create({good}, false).has_value(), std::string(good));
    for (const char* bad : {"*", "null", "", "app.example.com", "https://", "https://app.example.com/a", "https://app.example.com?a", "https://app.example.com#a", "http://app.example.com", "ftp://app.example.com", "https://*.example.com", "https://a b", "file:///"})
        CHECK_MESSAGE(!Cors::create({bad}, false).has_value(), std::string(bad));
    CHECK_FALSE(Cors::create({}, false).has_value());
    CHECK(Cors::create({}, true).has_value());
}

TEST_CASE("those origins alone that are named may ask; in development also this machine") {
    const auto production = Cors::create({"https://app.example.com"}, false).value();
    const auto development = Cors::create({"https://app.example.com"}, true).value();
    for (const char* origin : {"https://app.example.com", "http://localhost:3000", "http://127.0.0.1:1", "http://[::1]:1"}) {
        const bool named = std::string_view(origin) == "https://app.example.com";
        CHECK(production.headers_for(origin).empty() != named);
        CHECK(production.preflight(preflight_from(origin)).status == (named ? 204 : 403));
        CHECK(development.preflight(preflight_from(origin)).status == 204);
    }
    for (const char* origin : {"", "null", "*", "https://app.example.com.evil.org", "https://app.example.com:444", "http://app.example.com", "https://evil.org", "http://localhost.evil.org", "http://localhost:3000@evil.org", "http://127.0.0.1.evil.org", "https://app.example.com/"}) {
        CHECK_MESSAGE(production.headers_for(origin).empty(), std::string(origin));
        CHECK_MESSAGE(development.headers_for(origin).empty(), std::string(origin));
    }
    CHECK_FALSE(Cors::is_preflight({"OPTIONS", "/", "", {{"origin", "https://a.example"}}, "", ""}));
    CHECK_FALSE(Cors::is_preflight({"GET", "/", "", {{"origin", "https://a.example"}, {"access-control-request-method", "GET"}}, "", ""}));
}

}  // namespace voicectl::serve
