#include "voicectl/base/workers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "support/live_loop.h"

namespace voicectl {
namespace {

TEST_CASE("tasks run on the pool's threads, as many at once as there are threads") {
    Workers workers(2, "test");
    std::promise<void> first, second;
    workers.post([&] {
        first.set_value();
        second.get_future().wait();  // only ends when the other runs beside it
    });
    first.get_future().wait();
    std::promise<std::thread::id> done;
    workers.post([&] {
        second.set_value();
        done.set_value(std::this_thread::get_id());
    });
    CHECK(done.get_future().get() != std::this_thread::get_id());
}

TEST_CASE("destroying a pool joins what runs and drops what is queued") {
    std::atomic<int> ran{0};
    std::promise<void> started, go;
    auto watched = std::make_shared<int>(1);
    auto workers = std::make_unique<Workers>(1, "test");
    workers->post([&] {
        started.set_value();
        go.get_future().wait();
        ++ran;
    });
    started.get_future().wait();
    for (int i = 0; i < 10; ++i) workers->post([&ran, watched] { ++ran; });
    std::thread release([&] { go.set_value(); });
    // The queue is dropped before the join, so the one task that runs is the last one unless it ended first.
    workers.reset();
    release.join();
    CHECK(ran >= 1);
    CHECK(watched.use_count() == 1);
}

TEST_CASE("a serial queue keeps its order and never runs two at once, on a busy pool of many threads") {
    Workers workers(4, "test");
    constexpr int kQueues = 6, kTasks = 400;
    struct Lane {
        std::atomic<int> inside{0};
        std::vector<int> order;  // the queue's: no lock of its own, tsan watches
        bool overlapped = false;
        std::unique_ptr<SerialQueue> queue;
    };
    std::vector<Lane> lanes(kQueues);
    test::Waiter waiter;
    int done = 0;
    for (auto& lane : lanes) lane.queue = std::make_unique<SerialQueue>(workers);
    for (int task = 0; task < kTasks; ++task) {
        for (auto& lane : lanes) {
            lane.queue->post([&lane, &waiter, &done, task] {
                lane.overlapped = lane.overlapped || lane.inside.fetch_add(1) != 0;
                lane.order.push_back(task);
                lane.inside.fetch_sub(1);
                if (task == kTasks - 1) waiter.change([&] { ++done; });
            });
        }
    }
    REQUIRE(waiter.wait([&] { return done == kQueues; }));
    for (const auto& lane : lanes) {
        CHECK_FALSE(lane.overlapped);
        CHECK(lane.order.size() == kTasks);
        CHECK(std::is_sorted(lane.order.begin(), lane.order.end()));
    }
}

TEST_CASE("a serial queue takes tasks from many threads and from its own") {
    Workers workers(3, "test");
    SerialQueue queue(workers);
    test::Waiter waiter;
    int ran = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i)
                queue.post([&] { queue.post([&] { waiter.change([&] { ++ran; }); }); });
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(waiter.wait([&] { return ran == 800; }));
}

TEST_CASE("destroying a serial queue drops what is queued, and the running task finishes on its own") {
    Workers workers(1, "test");
    std::promise<void> started, go;
    std::promise<int> finished;
    auto dropped = std::make_shared<int>(1);
    auto queue = std::make_unique<SerialQueue>(workers);
    queue->post([&] {
        started.set_value();
        go.get_future().wait();
        finished.set_value(7);
    });
    for (int i = 0; i < 5; ++i) queue->post([dropped] { ++*dropped; });
    started.get_future().wait();
    queue.reset();
    CHECK(dropped.use_count() == 1);
    go.set_value();
    CHECK(finished.get_future().get() == 7);
    CHECK(*dropped == 1);
}

TEST_CASE("a serial queue outlives its pool") {
    auto workers = std::make_unique<Workers>(1, "test");
    auto queue = std::make_unique<SerialQueue>(*workers);
    std::promise<void> started;
    queue->post([&] { started.set_value(); });
    started.get_future().wait();
    workers.reset();
    auto watched = std::make_shared<int>(1);
    queue->post([watched] { ++*watched; });
    queue.reset();
    CHECK(watched.use_count() == 1);
}

TEST_CASE("what a dropped task owns may post to the queue as it dies") {
    Workers workers(1, "test");
    struct Poster {
        ~Poster() { queue->post([] {}); }
        std::shared_ptr<SerialQueue> queue;
    };
    std::promise<void> started, go;
    auto queue = std::make_shared<SerialQueue>(workers);
    SerialQueue other(workers);
    auto other_shared = std::shared_ptr<SerialQueue>(&other, [](SerialQueue*) {});
    queue->post([&] {
        started.set_value();
        go.get_future().wait();
    });
    started.get_future().wait();
    queue->post([poster = std::make_shared<Poster>(Poster{other_shared})] {});
    go.set_value();
    queue.reset();
    std::promise<void> last;
    other.post([&] { last.set_value(); });
    last.get_future().wait();
}

}  // namespace
}  // namespace voicectl
