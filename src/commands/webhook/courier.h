// Delivers webhook events in the order of their keys, many keys at once. Lives on a loop; whoever made it runs that loop.
//
// A lane is what keeps its order: the deliveries of one key (egress, ingress or room) to one target. The next of a lane begins when the
// one before has come to its end: delivered, refused, or given up. A lane that waits to try again holds up nobody else.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "commands/webhook/capture.h"
#include "commands/webhook/target.h"
#include "voicectl/base/loop.h"

namespace voicectl::commands {

struct Outcome {
    const CapturedDelivery* delivery = nullptr;
    std::size_t target = 0;
    bool delivered = false, sent = false;  // not sent: its target wanted no more
    int status = 0;                        // of the last answer; 0: there was none
    unsigned attempts = 0;
    Duration took{};                       // the last attempt
    std::string error;                     // why not
    Errc code = Errc::Other;
};

struct CourierOptions {
    std::vector<std::string> targets;
    unsigned concurrency = 16, attempts = 5;
    std::chrono::milliseconds limit{30'000};
    Duration first_wait = std::chrono::milliseconds(500), longest_wait = std::chrono::seconds(30);  // between attempts
};

struct CourierHooks {
    /// As HttpClient::stream() on the courier's loop.
    std::function<std::unique_ptr<net::HttpStream>(net::HttpRequest, net::HttpStreamHandlers)> send;
    /// The Authorization header for this delivery, made anew for each attempt.
    std::function<std::string(const CapturedDelivery&)> authorize;
    /// Before the first attempt; an error stops everything.
    std::function<Result<void>(const CapturedDelivery&, std::size_t target)> on_begin;
    /// Once for each delivery and target; an error stops everything.
    std::function<Result<void>(const Outcome&)> on_end;
    /// There is room for another delivery, or all is done.
    std::function<void()> on_room;
};

class Courier {
 public:
    Courier(Loop& loop, CourierOptions options, CourierHooks hooks);
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;

    /// What waits is bounded by whoever asks this before take().
    bool has_room() const { return pending_ < most_pending_ && pending_bytes_ < kMostPendingBytes; }
    /// `to`: numbers of targets.
    void take(CapturedDelivery delivery, const std::vector<std::size_t>& to);
    /// Begins no more; what is on its way comes to its end.
    void stop();
    bool stopping() const { return stopping_; }
    /// Nothing is on its way, and nothing will be without another take().
    bool idle() const { return in_flight_.empty() && (stopping_ || pending_ == 0); }
    std::size_t in_flight() const { return in_flight_.size(); }
    std::size_t retries() const { return retries_; }
    bool all_targets_gone() const;
    /// What a hook reported, or nothing.
    const Result<void>& trouble() const { return trouble_; }

 private:
    static constexpr std::size_t kMostPendingBytes = 64 * 1024 * 1024;
    struct Lane {
        std::size_t target = 0;
        std::string key;
        std::deque<std::shared_ptr<const CapturedDelivery>> waiting;  // the first is the one under way
        unsigned attempts = 0;                                        // of the first
        bool queued = false;                                          // in ready_, on its way, or waiting to try again
    };
    struct Flight {
        Lane* lane = nullptr;
        TimePoint begun;
        net::HttpResponse head;
        std::unique_ptr<net::HttpStream> stream;
    };
    struct Target {
        bool gone = false;
        TimePoint not_before{};  // it asked to be left alone
        std::unordered_map<std::string, std::unique_ptr<Lane>> lanes;
    };

    void pump();
    void begin(Lane& lane);
    void on_done(std::uint64_t flight, const Result<void>& done);
    void try_again(Lane& lane, Duration wait);
    void make_ready(Lane& lane);
    void finish(Lane& lane, Outcome outcome);
    void give_up(Lane& lane);
    void fail_with(Error error);
    Duration wait_before_next(const Lane& lane, const net::HttpResponse& head);

    Loop& loop_;
    CourierOptions options_;
    CourierHooks hooks_;
    std::vector<Target> targets_;
    std::deque<Lane*> ready_;
    std::unordered_map<std::uint64_t, Flight> in_flight_;
    std::uint64_t last_flight_ = 0;
    std::size_t pending_ = 0, pending_bytes_ = 0, most_pending_, retries_ = 0;
    bool stopping_ = false;
    Result<void> trouble_;
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
