#include "core/serve/key_source.h"

#include <algorithm>
#include <utility>

namespace voicectl::serve {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargestSet = 256 * 1024;
constexpr std::size_t kMostWaiting = 1000;
constexpr auto kPatience = 5s;

}  // namespace

KeySource::KeySource(Loop& loop, net::HttpClient& http, const UserTokens& options) : loop_(loop), http_(http), options_(options) {}

void KeySource::find(std::string id, SignatureKind kind, Done done) {
    if (younger_than(options_.keys_fresh) && known(id, kind) != nullptr) return done(answer(id, kind));
    const bool may_ask = !asked_at_ || loop_.now() - *asked_at_ >= options_.keys_asked_every;
    if (!fetching_ && !may_ask) return done(answer(id, kind));
    if (waiting_.size() >= kMostWaiting) return done(fail(Errc::Unreachable, "too many wait for the keys of tokens"));
    waiting_.push_back({std::move(id), kind, std::move(done)});
    if (!fetching_) fetch();
}

const PublicKey* KeySource::known(const std::string& id, SignatureKind kind) const {
    const auto fits = [&](const PublicKey& key) { return key.kind() == kind && (id.empty() || key.id() == id); };
    const auto first = std::find_if(keys_.begin(), keys_.end(), fits);
    if (first == keys_.end() || (id.empty() && std::any_of(std::next(first), keys_.end(), fits))) return nullptr;
    return &*first;
}

Result<PublicKey> KeySource::answer(const std::string& id, SignatureKind kind) const {
    const bool usable = younger_than(options_.keys_usable);
    if (const auto* key = known(id, kind); usable && key != nullptr) return *key;
    if (!usable || trouble_) {
        auto error = trouble_.value_or(Error{Errc::Unreachable, "they are too old", {}});
        error.code = Errc::Unreachable;
        return std::unexpected(std::move(error).while_doing("the keys of tokens cannot be had"));
    }
    if (id.empty()) return fail(Errc::Auth, "its header does not say which key it is (kid), and there is more than one or none of its kind");
    return fail(Errc::Auth, "the issuer has no key by the name and of the kind that its header says (kid)");
}

void KeySource::fetch() {
    fetching_ = true;
    asked_at_ = loop_.now();
    status_ = 0;
    body_.clear();
    net::HttpRequest request;
    request.url = options_.jwks_url;
    request.headers = {{"accept", "application/jwk-set+json, application/json"}};
    request.connect_timeout = request.idle_timeout = request.total_timeout = kPatience;
    transfer_ = http_.stream(std::move(request), loop_,
                             {.on_head = [this](const net::HttpResponse& head) { status_ = head.status; },
                              .on_chunk = [this](std::string_view chunk) { take(chunk); },
                              .on_done = [this](const Result<void>& done) { judge(done); }});
}

void KeySource::take(std::string_view chunk) {
    if (body_.size() <= kLargestSet) body_ += chunk.substr(0, kLargestSet + 1 - body_.size());
    if (body_.size() > kLargestSet) settle(fail(Errc::Protocol, "the key set is longer than {} bytes", kLargestSet));
}

void KeySource::judge(const Result<void>& transfer) {
    if (!transfer) return settle(std::unexpected(transfer.error()));
    if (status_ != 200) return settle(fail(Errc::Unreachable, "their source answered {}", status_));
    settle(parse_key_set(body_));
}

// Never inside the transfer, which goes first.
void KeySource::settle(Result<std::vector<PublicKey>> fetched) {
    loop_.post(lifeline_.guard([this, fetched = std::move(fetched)]() mutable {
        if (!std::exchange(fetching_, false)) return;  // refused for its size, and ended thereafter
        transfer_.reset();
        if (fetched) {
            keys_ = std::move(*fetched);
            have_since_ = loop_.now();
            trouble_.reset();
        } else {
            trouble_ = std::move(fetched).error();
        }
        for (const auto& next : std::exchange(waiting_, {})) loop_.post(lifeline_.guard([this, next] { next.done(answer(next.id, next.kind)); }));
    }));
}

}  // namespace voicectl::serve
