#include "voicectl/serve/page.h"

#include <algorithm>
#include <array>

#include "core/serve/internal_keys.h"
#include "core/serve/operator_sessions.h"
#include "serve/page_files.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::serve {
namespace {

using net::ServedRequest;
using net::ServedResponse;

constexpr std::size_t kLargestForm = 4 * 1024;
constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr std::string_view kMessage = "<!-- message -->";  // in sign-in.html

// Nothing but our own files runs, is shown or is asked, and nobody frames it.
const net::Headers kProtection{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

ServedResponse protected_answer(int status, std::string body, const char* type = kHtml) { return {status, std::move(body), type, kProtection}; }

ServedResponse to_the_page(const std::string& cookie) {
    auto out = protected_answer(303, "");
    out.headers.emplace_back("Location", "/");
    out.headers.emplace_back("Set-Cookie", cookie);
    return out;
}

ServedResponse sign_in_form(int status = 200, std::string_view message = {}) {
    std::string html(kSignInHtml);
    const auto shown = message.empty() ? std::string() : fmt::format("<p class=\"trouble\" role=\"alert\" id=\"trouble\">{}</p>", message);
    html.replace(html.find(kMessage), kMessage.size(), shown);
    return protected_answer(status, std::move(html));
}

/// Of a form as browsers send it; "" when it is not there.
std::string form_value(std::string_view body, std::string_view name) {
    for (const auto& pair : split(body, '&')) {
        const auto equals = pair.find('=');
        if (std::string_view(pair).substr(0, equals) != name || equals == std::string::npos) continue;
        auto value = pair.substr(equals + 1);
        std::replace(value.begin(), value.end(), '+', ' ');
        return net::percent_decode(value);
    }
    return {};
}

std::string cookie_value(const ServedRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
        if (key != "cookie") continue;
        for (const auto& part : split(value, ';')) {
            const auto pair = trim(part);
            if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') return std::string(pair.substr(name.size() + 1));
        }
    }
    return {};
}

std::string_view last_header(const ServedRequest& request, std::string_view name) {
    std::string_view out;
    for (const auto& [key, value] : request.headers)
        if (key == name) out = value;
    return trim(out.substr(out.rfind(',') + 1));  // npos + 1: all of it
}

class LivePage final : public Page {
 public:
    LivePage(Loop& loop, PageOptions options, InternalKeys keys)
        : loop_(loop), options_(std::move(options)), keys_(std::move(keys)), failures_(options_.attempts), sessions_(options_.life, options_.idle, options_.most_sessions) {}

    bool handle(const ServedRequest& request, const net::HttpServer::Respond& respond) override {
        using Answer = ServedResponse (LivePage::*)(const ServedRequest&);
        struct Route {
            std::string_view path, method;
            Answer answer;
        };
        static constexpr std::array kRoutes{Route{"/", "GET", &LivePage::front},          Route{"/page.css", "GET", &LivePage::style},
                                            Route{"/page.js", "GET", &LivePage::script},  Route{"/page.svg", "GET", &LivePage::icon},
                                            Route{"/login", "POST", &LivePage::sign_in},  Route{"/logout", "POST", &LivePage::sign_out}};
        const auto route = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& known) { return known.path == request.path; });
        if (route == kRoutes.end()) return false;
        const auto& method = request.method == "HEAD" ? "GET" : request.method;
        if (method != route->method) {
            auto refused = protected_answer(405, "this is asked for otherwise\n", "text/plain; charset=utf-8");
            refused.headers.emplace_back("Allow", route->method == "GET" ? "GET, HEAD" : "POST");
            respond(std::move(refused));
        } else {
            respond((this->*route->answer)(request));
        }
        return true;
    }

    std::optional<Caller> signed_in(const ServedRequest& request) override {
        const auto id = cookie_value(request, cookie_name(request));
        if (id.empty() || !sessions_.touch(id, loop_.now())) return std::nullopt;
        return Caller{Who::Operator, {}};
    }

 private:
    bool by_tls(const ServedRequest& request) const {
        return options_.secure_cookie || (options_.behind_proxy && last_header(request, "x-forwarded-proto") == "https");
    }
    // The prefix binds it to this host: no neighbour under the same domain can put one of his in its place.
    std::string cookie_name(const ServedRequest& request) const { return by_tls(request) ? "__Host-voicectl" : "voicectl"; }
    std::string cookie(const ServedRequest& request, std::string_view value, std::chrono::seconds life) const {
        return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name(request), value, life.count(), by_tls(request) ? "; Secure" : "");
    }

    ServedResponse front(const ServedRequest& request) { return signed_in(request) ? protected_answer(200, std::string(kPageHtml)) : sign_in_form(); }
    ServedResponse style(const ServedRequest&) { return protected_answer(200, std::string(kPageCss), "text/css; charset=utf-8"); }
    ServedResponse icon(const ServedRequest&) { return protected_answer(200, std::string(kPageIcon), "image/svg+xml"); }
    ServedResponse script(const ServedRequest& request) {
        if (!signed_in(request)) return protected_answer(401, "sign in first\n", "text/plain; charset=utf-8");
        return protected_answer(200, std::string(kPageScript), "text/javascript; charset=utf-8");
    }

    ServedResponse sign_in(const ServedRequest& request) {
        if (!same_origin(request)) return sign_in_form(403, "The form was sent by another page. Sign in here.");
        const auto from = peer_network(client_of(request, options_.behind_proxy));
        if (const auto wait = failures_.wait(from, loop_.now()); wait.count() > 0) return too_often(wait);
        const bool is_form = to_lower_ascii(request.header("content-type")).starts_with("application/x-www-form-urlencoded");
        if (!is_form || request.body.size() > kLargestForm) return sign_in_form(400, "That was not this form. Sign in here.");
        if (!keys_.know(form_value(request.body, "key"))) {
            failures_.take(from, loop_.now());
            return sign_in_form(401, keys_.empty() ? "No key is set on this server: start it with an internal key." : "This is not the key. Check for missing characters at its ends.");
        }
        sessions_.end(cookie_value(request, cookie_name(request)));  // a new one for each time: none that was there before counts
        return to_the_page(cookie(request, sessions_.begin(loop_.now()), options_.life));
    }

    static ServedResponse too_often(std::chrono::milliseconds wait) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
        auto out = sign_in_form(429, fmt::format("Too many wrong keys came from your address. Try again in {} s.", seconds));
        out.headers.emplace_back("Retry-After", std::to_string(seconds));
        return out;
    }

    ServedResponse sign_out(const ServedRequest& request) {
        if (!same_origin(request)) return protected_answer(403, "sent by another page\n", "text/plain; charset=utf-8");
        sessions_.end(cookie_value(request, cookie_name(request)));
        return to_the_page(cookie(request, "", std::chrono::seconds(0)));
    }

    Loop& loop_;
    const PageOptions options_;
    const InternalKeys keys_;
    RateLimiter failures_;
    OperatorSessions sessions_;
};

}  // namespace

bool same_origin(const ServedRequest& request) {
    const auto site = request.header("sec-fetch-site");
    if (!site.empty() && site != "same-origin" && site != "none") return false;
    const auto origin = request.header("origin");
    if (origin.empty()) return true;  // no browser, or one that has just said where it comes from
    const auto scheme = origin.find("://");
    return scheme != std::string_view::npos && to_lower_ascii(origin.substr(scheme + 3)) == to_lower_ascii(request.header("host"));
}

Result<std::unique_ptr<Page>> Page::make(Loop& loop, PageOptions options) {
    VC_TRY_ASSIGN(auto keys, InternalKeys::make(options.keys));
    return std::make_unique<LivePage>(loop, std::move(options), std::move(keys));
}

}  // namespace voicectl::serve
