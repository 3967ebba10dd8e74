#include "commands/webhook/target.h"

#include "commands/command.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/json.h"
#include "voicectl/livekit/webhook.h"
#include "voicectl/net/url.h"

namespace voicectl::commands {

Result<std::string> read_target(const std::string& given) {
    constexpr std::size_t kLongest = 64 * 1024;
    auto target = given;
    if (given.starts_with('@')) {
        VC_TRY_ASSIGN(const auto text, read_given_file(given.substr(1), kLongest));
        target = trim(text);
    }
    VC_TRY(check_target(target));
    return target;
}

std::string shown_target(const std::string& url) { return plain_text(livekit::without_secrets(url), 200); }

Result<void> check_target(const std::string& url) {
    const auto parsed = net::parse_url(url);
    if (parsed && (parsed->scheme == "http" || parsed->scheme == "https")) return {};
    const auto why = parsed ? std::string("it is neither http nor https") : parsed.error().message;
    return fail_with_hint(Errc::Usage, fmt::format("--to: deliveries cannot be sent to {}: {}", shown_target(url), why), "for example --to http://127.0.0.1:8080/hook");
}

net::HttpRequest delivery_request(const std::string& url, const std::string& authorization, const std::string& content_type, const std::string& body,
                                  std::chrono::milliseconds limit) {
    net::HttpRequest out;
    out.method = "POST";
    out.url = url;
    out.headers = {{"Content-Type", content_type.empty() ? livekit::kWebhookContentType : content_type}};
    if (!authorization.empty()) out.headers.emplace_back("Authorization", authorization);
    out.body = body;
    out.connect_timeout = std::min(limit, out.connect_timeout);
    out.idle_timeout = out.total_timeout = limit;
    out.max_body = 1024 * 1024;
    return out;
}

Answer answer_of(int status) {
    if (status >= 200 && status < 300) return Answer::Delivered;
    if (status == 410) return Answer::Gone;
    if (status == 429 || (status >= 500 && status != 501)) return Answer::Again;
    return Answer::Refused;
}

std::string answer_words(int status) {
    if (status >= 300 && status < 400) return fmt::format("it answered {}, and redirects are not followed", status);
    if (status == 410) return "it answered 410: it wants no more";
    if (status == 401 || status == 403) return fmt::format("it answered {}: it does not take our signature", status);
    return fmt::format("it answered {}", status);
}

}  // namespace voicectl::commands
