#include "voicectl/serve/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "voicectl/base/digest.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

constexpr std::size_t kLongestKey = 64;

// Keys are of others: memory is bounded in bytes, too.
std::string bounded(std::string_view key) { return key.size() <= kLongestKey ? std::string(key) : sha256(key); }

std::string_view without_port(std::string_view peer) {
    if (peer.starts_with('[')) return peer.substr(1, peer.find(']') - 1);
    const auto colon = peer.find(':');
    return colon == peer.rfind(':') ? peer.substr(0, colon) : peer;  // more than one: IPv6 without a port
}

}  // namespace

RateLimiter::RateLimiter(Rate rate, std::size_t most_keys)
    : rate_{std::max(1, rate.burst), std::max(rate.every, std::chrono::milliseconds(1))}, most_keys_(std::max<std::size_t>(1, most_keys)) {}

std::chrono::milliseconds RateLimiter::wait_until(TimePoint full_again, TimePoint now) const {
    const auto owed = std::max(full_again, now) + rate_.every - now;
    return std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(owed - rate_.every * rate_.burst));
}

std::chrono::milliseconds RateLimiter::wait(std::string_view key, TimePoint now) const {
    const auto found = by_key_.find(bounded(key));
    return found == by_key_.end() ? std::chrono::milliseconds(0) : wait_until(found->second->empty_until, now);
}

std::chrono::milliseconds RateLimiter::take(std::string_view key, TimePoint now) {
    const auto name = bounded(key);
    const auto found = by_key_.find(name);
    if (found != by_key_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
    } else {
        if (entries_.size() == most_keys_) {
            by_key_.erase(entries_.back().key);
            entries_.pop_back();
        }
        entries_.push_front({name, now});
        by_key_.emplace(entries_.front().key, entries_.begin());
    }
    auto& entry = entries_.front();
    const auto wait = wait_until(entry.empty_until, now);
    if (wait.count() == 0) entry.empty_until = std::max(entry.empty_until, now) + rate_.every;
    return wait;
}

std::string peer_network(std::string_view peer) {
    std::string address(without_port(peer));
    std::array<std::uint8_t, 16> bytes{};
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_pton(AF_INET6, address.substr(0, address.find('%')).c_str(), bytes.data()) != 1) return address;
    if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return inet_ntop(AF_INET, bytes.data() + 12, text.data(), text.size());
    std::fill(bytes.begin() + 8, bytes.end(), 0);
    return std::string(inet_ntop(AF_INET6, bytes.data(), text.data(), text.size())) + "/64";
}

std::string client_of(const net::ServedRequest& request, bool behind_proxy) {
    if (!behind_proxy) return request.peer;
    std::string_view last;
    for (const auto& [name, value] : request.headers)
        if (name == "x-forwarded-for") last = value;
    const auto address = trim(last.substr(last.rfind(',') + 1));  // npos + 1: all of it
    return address.empty() ? request.peer : std::string(address);
}

}  // namespace voicectl::serve
