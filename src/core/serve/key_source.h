// Where the keys of tokens come from: fetched when first needed, kept, asked for again when they are old or lack one, and
// used on while the source is away. On the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/serve/public_keys.h"
#include "voicectl/base/loop.h"
#include "voicectl/net/http.h"
#include "voicectl/serve/gate.h"

namespace voicectl::serve {

class KeySource {
 public:
    using Done = std::function<void(Result<PublicKey>)>;

    KeySource(Loop& loop, net::HttpClient& http, const UserTokens& options);
    /// At once or later. `id` may be empty: then there must be one key of that kind alone. Auth: there is no such key.
    /// Unreachable: no keys can be had.
    void find(std::string id, SignatureKind kind, Done done);

 private:
    struct Waiting {
        std::string id;
        SignatureKind kind;
        Done done;
    };

    bool younger_than(std::chrono::milliseconds age) const { return have_since_ && loop_.now() - *have_since_ < age; }
    const PublicKey* known(const std::string& id, SignatureKind kind) const;
    Result<PublicKey> answer(const std::string& id, SignatureKind kind) const;
    void fetch();
    void take(std::string_view chunk);
    void judge(const Result<void>& transfer);
    void settle(Result<std::vector<PublicKey>> fetched);

    Loop& loop_;
    net::HttpClient& http_;
    const UserTokens options_;
    std::vector<PublicKey> keys_;
    std::optional<TimePoint> have_since_, asked_at_;
    bool fetching_ = false;
    std::optional<Error> trouble_;  // why the last fetch came to nothing
    std::deque<Waiting> waiting_;
    int status_ = 0;
    std::string body_;
    std::unique_ptr<net::HttpStream> transfer_;
    Lifeline lifeline_;  // last member
};

}  // namespace voicectl::serve
