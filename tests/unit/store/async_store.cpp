#include <algorithm>

#include "engines.h"
#include "support/live_loop.h"

namespace voicectl::store {
namespace {

STORE_TEST_CASE("writes are done in order, and every answer comes on the loop") {
    Engine engine;
    test::LiveLoop live;
    test::Waiter waiter;
    std::vector<int> answers;
    bool on_loop = true;
    AsyncStore store(opened(engine.place()), live.get());
    store.run<Call>([](Store& s) { return s.begin_call(sample_call("demo", "AJ_1")); }, [](const auto&) {});
    for (int i = 0; i < 50; ++i) {
        store.run<void>([i](Store& s) { return s.save_turn(1, sample_turn(i)); },
                        [&, i](const Result<void>& saved) {
                            waiter.change([&] {
                                on_loop = on_loop && live.get().is_current();
                                if (saved) answers.push_back(i);
                            });
                        });
    }
    CHECK(waiter.wait([&] { return answers.size() == 50; }));
    CHECK(std::is_sorted(answers.begin(), answers.end()));
    CHECK(on_loop);
}

STORE_TEST_CASE("an error reaches the one who asked") {
    Engine engine;
    test::LiveLoop live;
    test::Waiter waiter;
    std::optional<Errc> code;
    AsyncStore store(opened(engine.place()), live.get());
    store.run<void>([](Store& s) { return s.save_turn(5, sample_turn(0)); },
                    [&](const Result<void>& saved) { waiter.change([&] { code = saved.error().code; }); });
    CHECK(waiter.wait([&] { return code.has_value(); }));
    CHECK(code == Errc::NotFound);
}

STORE_TEST_CASE("destroying it finishes what is queued") {
    Engine engine;
    const auto path = engine.place();
    test::LiveLoop live;
    {
        AsyncStore store(opened(path), live.get());
        store.run<Call>([](Store& s) { return s.begin_call(sample_call("demo", "AJ_1")); }, [](const auto&) {});
        for (int i = 0; i < 30; ++i)
            store.run<void>([i](Store& s) { return s.save_turn(1, sample_turn(i)); }, [](const auto&) {});
    }
    CHECK(all_turns(*opened(path), 1).size() == 30);
}

}  // namespace
}  // namespace voicectl::store
