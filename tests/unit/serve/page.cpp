#include "voicectl/serve/page.h"

#include <doctest/doctest.h>

#include "core/serve/operator_sessions.h"
#include "support/fake_loop.h"

namespace voicectl::serve {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPageKey = "the key & of = operators+";
constexpr const char* kRightForm = "key=the+key+%26+of+%3D+operators%2B";

struct Browser {
    explicit Browser(PageOptions options = {}) {
        if (options.keys.empty()) options.keys = {kPageKey};
        auto made = Page::make(loop, std::move(options));
        REQUIRE(made);
        page = std::move(*made);
    }
    net::ServedRequest request(const std::string& method, const std::string& path, const std::string& body = {}) const {
        net::ServedRequest out;
        out.method = method;
        out.path = path;
        out.body = body;
        out.peer = peer;
        out.headers = {{"host", "calls.test:8443"}};
        if (!body.empty()) out.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
        if (!cookie.empty()) out.headers.emplace_back("cookie", "other=1; " + cookie);
        out.headers.insert(out.headers.end(), more.begin(), more.end());
        return out;
    }
    net::ServedResponse ask(const std::string& method, const std::string& path, const std::string& body = {}) {
        net::ServedResponse out;
        int answers = 0;
        CHECK(page->handle(request(method, path, body), [&](net::ServedResponse answer) {
            out = std::move(answer);
            ++answers;
        }));
        CHECK(answers == 1);
        for (const auto& [name, value] : out.headers)
            if (name == "Set-Cookie") set_cookie = value, cookie = value.substr(0, value.find(';'));
        return out;
    }
    bool signed_in() { return page->signed_in(request("GET", "/v1/calls")).has_value(); }

    test::FakeLoop loop;
    std::unique_ptr<Page> page;
    std::string cookie, set_cookie, peer = "192.0.2.1:4000";
    net::Headers more;
};

std::string header_of(const net::ServedResponse& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (key == name) return value;
    return {};
}

}  // namespace

TEST_CASE("who is not signed in sees the form and nothing else") {
    Browser browser;
    const auto form = browser.ask("GET", "/");
    CHECK(form.status == 200);
    CHECK(form.body.find("name=\"key\"") != std::string::npos);
    CHECK(form.body.find("page.js") == std::string::npos);
    CHECK(form.body.find("<!-- message") == std::string::npos);
    CHECK(browser.ask("GET", "/page.js").status == 401);
    CHECK(browser.ask("GET", "/page.css").status == 200);
    CHECK(browser.ask("GET", "/page.svg").type == "image/svg+xml");
    CHECK(!browser.signed_in());
    for (const auto* path : {"/v1/calls", "/page", "/login/", "//", "/page.js/x"}) CHECK(!browser.page->handle(browser.request("GET", path), [](auto) { FAIL("answered"); }));
    for (const auto* path : {"/", "/page.css", "/page.js", "/login"}) {
        const auto answer = browser.ask(path == std::string("/login") ? "POST" : "GET", path);
        const auto policy = header_of(answer, "Content-Security-Policy");
        CHECK(policy.find("default-src 'none'") == 0);
        CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
        CHECK(policy.find("unsafe") == std::string::npos);
        CHECK(header_of(answer, "X-Content-Type-Options") == "nosniff");
        CHECK(header_of(answer, "Referrer-Policy") == "same-origin");
    }
    CHECK(browser.ask("POST", "/").status == 405);
    const auto refused = browser.ask("GET", "/login");
    CHECK(refused.status == 405);
    CHECK(header_of(refused, "Allow") == "POST");
    CHECK(browser.ask("HEAD", "/").status == 200);
}

TEST_CASE("the right key signs in until sign-out, a wrong one does not") {
    Browser browser;
    for (const auto* wrong : {"key=wrong", "key=", "other=1", "key", "kez=the+key+%26+of+%3D+operators%2B"}) {
        const auto answer = browser.ask("POST", "/login", wrong);
        CHECK(answer.status == 401);
        CHECK(answer.body.find("This is not the key") != std::string::npos);
        CHECK(browser.set_cookie.empty());
        browser.loop.advance(1min);
    }
    const auto answer = browser.ask("POST", "/login", kRightForm);
    CHECK(answer.status == 303);
    CHECK(header_of(answer, "Location") == "/");
    CHECK(browser.set_cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
    CHECK(browser.cookie.starts_with("voicectl="));
    CHECK(browser.cookie.size() == std::string("voicectl=").size() + 43);
    CHECK(browser.signed_in());
    CHECK(browser.page->signed_in(browser.request("GET", "/"))->who == Who::Operator);
    CHECK(browser.ask("GET", "/").body.find("/page.js") != std::string::npos);
    CHECK(browser.ask("GET", "/page.js").status == 200);

    const auto before = browser.cookie;
    browser.cookie.back() = browser.cookie.back() == 'x' ? 'y' : 'x';
    CHECK(!browser.signed_in());
    browser.cookie = before;
    CHECK(browser.ask("POST", "/logout").status == 303);
    CHECK(browser.set_cookie.find("Max-Age=0") != std::string::npos);
    CHECK(!browser.signed_in());
    browser.cookie = before;
    CHECK(!browser.signed_in());
}

TEST_CASE("a second sign-in gives another id and ends the first") {
    Browser browser;
    browser.ask("POST", "/login", kRightForm);
    const auto first = browser.cookie;
    browser.ask("POST", "/login", kRightForm);
    CHECK(browser.cookie != first);
    CHECK(browser.signed_in());
    browser.cookie = first;
    CHECK(!browser.signed_in());
}

TEST_CASE("being signed in ends an hour after the last use, and after twelve in any case") {
    Browser idle;
    idle.ask("POST", "/login", kRightForm);
    idle.loop.advance(59min);
    CHECK(idle.signed_in());
    idle.loop.advance(60min);
    CHECK(!idle.signed_in());

    Browser busy;
    busy.ask("POST", "/login", kRightForm);
    for (int i = 0; i < 23; ++i) {
        busy.loop.advance(30min);
        CHECK(busy.signed_in());
    }
    busy.loop.advance(30min);
    CHECK(!busy.signed_in());
}

TEST_CASE("behind TLS the cookie is for TLS and this host alone") {
    PageOptions options;
    options.secure_cookie = true;
    Browser browser(options);
    browser.ask("POST", "/login", kRightForm);
    CHECK(browser.cookie.starts_with("__Host-voicectl="));
    CHECK(browser.set_cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"));
    CHECK(browser.signed_in());
    browser.cookie.erase(0, std::string("__Host-").size());
    CHECK(!browser.signed_in());

    Browser untrusted;
    untrusted.more = {{"x-forwarded-proto", "https"}};
    untrusted.ask("POST", "/login", kRightForm);
    CHECK(untrusted.set_cookie.find("Secure") == std::string::npos);
    PageOptions proxied;
    proxied.behind_proxy = true;
    Browser trusted(proxied);
    trusted.more = {{"x-forwarded-proto", "https"}};
    trusted.ask("POST", "/login", kRightForm);
    CHECK(trusted.set_cookie.find("Secure") != std::string::npos);
}

TEST_CASE("a form that another page sends does nothing") {
    const auto sent_by = [](const net::Headers& from) {
        Browser browser;
        browser.more = from;
        return browser.ask("POST", "/login", kRightForm).status;
    };
    CHECK(sent_by({{"sec-fetch-site", "same-origin"}, {"origin", "https://calls.test:8443"}}) == 303);
    CHECK(sent_by({{"origin", "http://CALLS.test:8443"}}) == 303);
    CHECK(sent_by({{"sec-fetch-site", "cross-site"}}) == 403);
    CHECK(sent_by({{"sec-fetch-site", "same-site"}}) == 403);
    CHECK(sent_by({{"origin", "https://evil.test"}}) == 403);
    CHECK(sent_by({{"origin", "https://calls.test"}}) == 403);
    CHECK(sent_by({{"origin", "null"}}) == 403);
    CHECK(sent_by({{"sec-fetch-site", "same-origin"}, {"origin", "https://evil.test"}}) == 403);

    Browser browser;
    browser.ask("POST", "/login", kRightForm);
    browser.more = {{"sec-fetch-site", "cross-site"}};
    CHECK(browser.ask("POST", "/logout").status == 403);
    CHECK(browser.signed_in());
    Browser other;
    auto request = other.request("POST", "/login");
    request.body = kRightForm;
    request.headers.emplace_back("content-type", "text/plain");
    CHECK(other.page->handle(request, [](const net::ServedResponse& answer) { CHECK(answer.status == 400); }));
    CHECK(other.ask("POST", "/login", "key=" + std::string(5000, 'a')).status == 400);
}

TEST_CASE("wrong keys are taken only so often from one address, and then the right one has to wait, too") {
    Browser browser;
    for (int i = 0; i < 5; ++i) CHECK(browser.ask("POST", "/login", "key=wrong").status == 401);
    const auto answer = browser.ask("POST", "/login", kRightForm);
    CHECK(answer.status == 429);
    CHECK(header_of(answer, "Retry-After") == "12");
    CHECK(answer.body.find("Try again in 12 s") != std::string::npos);
    browser.peer = "192.0.2.2:4000";
    CHECK(browser.ask("POST", "/login", kRightForm).status == 303);
    browser.peer = "192.0.2.1:5000";
    browser.loop.advance(12s);
    CHECK(browser.ask("POST", "/login", kRightForm).status == 303);
}

TEST_CASE("so many are signed in at most, and without a key nobody") {
    OperatorSessions sessions(12h, 1h, 3);
    std::vector<std::string> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(sessions.begin(TimePoint(1h)));
    CHECK(sessions.size() == 3);
    CHECK(!sessions.touch(ids[0], TimePoint(1h)));
    CHECK(sessions.touch(ids[1], TimePoint(1h)));
    sessions.begin(TimePoint(1h));
    CHECK(sessions.touch(ids[1], TimePoint(1h)));
    CHECK(!sessions.touch(ids[2], TimePoint(1h)));
    CHECK(!sessions.touch("", TimePoint(1h)));

    test::FakeLoop loop;
    auto page = Page::make(loop, {});
    REQUIRE(page);
    net::ServedRequest request;
    request.method = "POST";
    request.path = "/login";
    request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    request.body = "key=";
    CHECK((*page)->handle(request, [](const net::ServedResponse& answer) {
        CHECK(answer.status == 401);
        CHECK(answer.body.find("No key is set") != std::string::npos);
    }));
    PageOptions weak;
    weak.keys = {"short"};
    CHECK(Page::make(loop, weak).error().code == Errc::Config);
}

}  // namespace voicectl::serve
