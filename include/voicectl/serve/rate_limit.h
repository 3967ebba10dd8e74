// How often somebody may ask: a bucket of tokens for each key, in bounded memory. One thread.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "voicectl/base/loop.h"
#include "voicectl/net/http_server.h"

namespace voicectl::serve {

/// `burst` at once, then one more each `every`.
struct Rate {
    int burst = 1;
    std::chrono::milliseconds every{1000};
};

class RateLimiter {
 public:
    /// Of more than `most_keys` those are forgotten that asked least lately.
    explicit RateLimiter(Rate rate, std::size_t most_keys = 10'000);

    /// Zero: taken. Otherwise nothing is taken, and there will be one in this time (rounded up).
    std::chrono::milliseconds take(std::string_view key, TimePoint now);
    /// What take() would say.
    std::chrono::milliseconds wait(std::string_view key, TimePoint now) const;
    std::size_t size() const { return entries_.size(); }

 private:
    struct Entry {
        std::string key;
        TimePoint empty_until;  // the bucket is full again then (the "theoretical arrival time" of GCRA)
    };
    std::chrono::milliseconds wait_until(TimePoint full_again, TimePoint now) const;

    Rate rate_;
    std::size_t most_keys_;
    std::list<Entry> entries_;  // the one that asked last stands first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;  // views of entries_
};

/// Who a peer ("127.0.0.1:51234", "[2001:db8::1]:443") counts as: its address without port; of IPv6 the network (/64), as one
/// customer has all of it.
std::string peer_network(std::string_view peer);

/// Who asks, in the form of ServedRequest::peer. Behind a proxy of ours that is the last address of X-Forwarded-For: the one
/// that the proxy wrote itself.
std::string client_of(const net::ServedRequest& request, bool behind_proxy);

}  // namespace voicectl::serve
