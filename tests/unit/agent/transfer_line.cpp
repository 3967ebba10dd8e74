// Transfers between a call process and its supervisor: each has one answer, whatever becomes of the two.
#include "core/agent/transfer_line.h"

#include <doctest/doctest.h>

#include "core/agent/process_messages.h"
#include "support/fake_loop.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

struct LineBench {
    void ask(const std::string& to) {
        line->ask({"AJ_1", "room", "ann", to}, [this, to](const Result<void>& done) { told.push_back(to + (done ? ": done" : ": " + done.error().message)); });
    }
    test::FakeLoop loop;
    std::vector<nlohmann::json> sent;
    std::vector<std::string> told;
    std::unique_ptr<TransferLine> line = std::make_unique<TransferLine>(loop, [this](const nlohmann::json& message) { sent.push_back(message); });
};

}  // namespace

TEST_CASE("a transfer's answer finds who asked, once, in any order") {
    LineBench bench;
    bench.ask("tel:1");
    bench.ask("tel:2");
    REQUIRE(bench.sent.size() == 2);
    const auto wanted = messages::to_transfer(bench.sent[1]);
    CHECK(wanted.job_id == "AJ_1");
    CHECK(wanted.room == "room");
    CHECK(wanted.identity == "ann");
    CHECK(wanted.to == "tel:2");
    bench.line->answered(messages::transferred(messages::id_of(bench.sent[1]), fail(Errc::Rejected, "no")));
    bench.line->answered(messages::transferred(messages::id_of(bench.sent[0]), {}));
    bench.line->answered(messages::transferred(messages::id_of(bench.sent[0]), {}));
    bench.line->answered({{"type", "transferred"}, {"id", 1e300}});
    CHECK(bench.told == std::vector<std::string>{"tel:2: no", "tel:1: done"});
    bench.loop.advance(1h);
    CHECK(bench.told.size() == 2);
}

TEST_CASE("a transfer that nobody answers has failed in time, and a late answer is nothing") {
    LineBench bench;
    bench.ask("tel:1");
    bench.loop.advance(kTransferTime - 1ms);
    CHECK(bench.told.empty());
    bench.loop.advance(1ms);
    CHECK(bench.told == std::vector<std::string>{"tel:1: the transfer was not done within 30 s"});
    bench.line->answered(messages::transferred(messages::id_of(bench.sent[0]), {}));
    CHECK(bench.told.size() == 1);
}

TEST_CASE("without a supervisor transfers fail, those under way and later ones") {
    LineBench bench;
    bench.ask("tel:1");
    bench.line->close();
    bench.ask("tel:2");
    CHECK(bench.told.size() == 2);
    CHECK(bench.sent.size() == 1);
    bench.line.reset();
    bench.loop.advance(1h);
    CHECK(bench.told.size() == 2);
}

TEST_CASE("an answer of the wrong kind is a failure") {
    CHECK_FALSE(messages::to_transferred({{"type", "transferred"}, {"id", 1}}));
    CHECK(messages::to_transferred(messages::transferred(1, fail(Errc::Timeout, "late"))).error().code == Errc::Timeout);
    CHECK(messages::id_of({{"id", "1"}}) == 0);
}
