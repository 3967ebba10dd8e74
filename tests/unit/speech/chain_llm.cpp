// A chain of models: what the caller of an answer sees, whoever fails.
#include <doctest/doctest.h>

#include "support/fake_call.h"
#include "voicectl/speech/chain.h"

using namespace voicectl;
using namespace voicectl::speech;
using namespace std::chrono_literals;
using Role = ChatMessage::Role;

namespace {

const Error kModelGone{Errc::Unreachable, "gone", ""};

struct Asking {
    explicit Asking(ChainRules rules = {})
        : chain(chain_llm({&first, &second}, std::make_shared<Standing>(std::vector<std::string>{"first", "second"}, std::vector<Breaker*>{&one, &two}, rules,
                                                                        [this](const Moved& moved) { moves.push_back(moved); }))) {}
    void ask(const std::string& question = "when are you open") {
        answer.clear();
        stream = chain->generate(loop, {{{Role::System, "Be brief."}, {Role::User, question}}, {{"look_up", "", "{}"}}},
                                 {.on_text = [this](const std::string& piece) { answer += piece; },
                                  .on_done = [this](const LlmEnd& end) { ends.push_back(end); },
                                  .on_error = [this](const Error& error) { errors.push_back(error.message); }});
    }
    void fails(test::FakeModel& model, const Error& error = kModelGone) {
        const auto sink = model.sink;
        sink.on_error(error);
        loop.settle();
    }
    test::FakeLoop loop;
    test::FakeModel first, second;
    Breaker one, two;
    std::vector<Moved> moves;
    std::unique_ptr<LanguageModel> chain;
    std::unique_ptr<LlmStream> stream;
    std::string answer;
    std::vector<LlmEnd> ends;
    std::vector<std::string> errors;
};

}  // namespace

TEST_CASE("a model that fails before its first word is followed by the next with the same question") {
    Asking asking;
    asking.ask();
    asking.fails(asking.first);
    REQUIRE(asking.second.asked.size() == 1);
    CHECK(asking.second.asked[0].size() == 2);
    CHECK(asking.second.asked[0].back().text == "when are you open");
    CHECK(asking.second.last.tools.size() == 1);
    asking.second.answer("At nine.");
    CHECK(asking.answer == "At nine.");
    CHECK(asking.ends.size() == 1);
    CHECK(asking.errors.empty());
    REQUIRE(asking.moves.size() == 1);
    CHECK(asking.moves[0].from == "first");
    CHECK(asking.moves[0].to == "second");
    CHECK(asking.moves[0].reason.message == "gone");
}

TEST_CASE("a model that breaks off is followed by the next, which is shown what was said and asked for the rest") {
    Asking asking;
    asking.ask();
    asking.first.sink.on_text("We open ");
    asking.first.sink.on_text("at nine");
    asking.fails(asking.first);
    REQUIRE(asking.second.asked.size() == 1);
    const auto& asked = asking.second.asked[0];
    REQUIRE(asked.size() == 4);
    CHECK(asked[2].role == Role::Assistant);
    CHECK(asked[2].text == "We open at nine");
    CHECK(asked[3].role == Role::User);
    CHECK(asked[3].text.find("Go on") != std::string::npos);
    asking.second.answer(" and close at ten.");
    CHECK(asking.answer == "We open at nine and close at ten.");
    CHECK(asking.ends.size() == 1);
}

TEST_CASE("tools that the stand-in asks for are passed on") {
    Asking asking;
    asking.ask();
    asking.fails(asking.first);
    asking.second.call({{"id-1", "look_up", "{\"day\":1}"}}, "One moment.");
    REQUIRE(asking.ends.size() == 1);
    REQUIRE(asking.ends[0].calls.size() == 1);
    CHECK(asking.ends[0].calls[0] == ToolCall{"id-1", "look_up", "{\"day\":1}"});
    CHECK(asking.answer == "One moment.");
}

TEST_CASE("an answer without a word, or of tools alone, is no strike") {
    Asking asking({.strikes = 1});
    for (int i = 0; i < 6; ++i) {
        asking.ask();
        if (i % 2 == 0) asking.first.call({});
        else asking.first.call({{"id", "look_up", "{}"}});
    }
    CHECK(asking.first.asked.size() == 6);
    CHECK(asking.second.asked.empty());
    CHECK(asking.moves.empty());
    CHECK(asking.one.state(asking.loop.now()) == Breaker::State::Closed);
    CHECK(asking.ends.size() == 6);
}

TEST_CASE("of an answer that nobody waited for nothing is known: neither a strike nor a proof of health") {
    Asking asking;
    for (int i = 0; i < 5; ++i) {
        asking.ask();
        asking.stream.reset();
    }
    CHECK(asking.one.state(asking.loop.now()) == Breaker::State::Closed);
    CHECK(asking.moves.empty());
    for (int i = 0; i < 3; ++i) asking.one.failed(asking.loop.now(), false);
    asking.loop.advance(31s);
    asking.ask();  // the one try of a breaker that is half open
    REQUIRE(asking.first.asked.size() == 6);
    asking.stream.reset();
    CHECK(asking.one.state(asking.loop.now()) == Breaker::State::HalfOpen);
    asking.ask();
    CHECK(asking.first.asked.size() == 7);  // the next may try
}

TEST_CASE("a stand-in that was chosen and never asked may be chosen again") {
    Asking asking;
    for (int i = 0; i < 3; ++i) asking.two.failed(asking.loop.now(), false);
    asking.loop.advance(31s);
    asking.ask();
    const auto sink = asking.first.sink;
    sink.on_error(kModelGone);
    asking.stream.reset();  // before the stand-in was asked
    asking.loop.settle();
    CHECK(asking.second.asked.empty());
    CHECK(asking.two.allows(asking.loop.now()));
}

TEST_CASE("when all models are down the last error is told, and that nobody is left") {
    Asking asking;
    asking.ask();
    asking.fails(asking.first);
    asking.fails(asking.second, {Errc::Timeout, "gone, too", ""});
    CHECK(asking.errors == std::vector<std::string>{"gone, too"});
    CHECK(asking.ends.empty());
    REQUIRE(asking.moves.size() == 2);
    CHECK(asking.moves[1].from == "second");
    CHECK(asking.moves[1].to.empty());
}

TEST_CASE("a model that asks to be left alone is left alone for so long, in all calls") {
    Asking asking;
    asking.ask();
    asking.fails(asking.first, {Errc::Unreachable, "429", "", 20s});
    asking.second.answer("At nine.");
    asking.loop.advance(19s);
    asking.ask();
    CHECK(asking.first.asked.size() == 1);
    CHECK(asking.second.asked.size() == 2);
    asking.second.answer("At nine.");
    asking.loop.advance(1s);
    asking.ask();
    CHECK(asking.first.asked.size() == 2);
}

TEST_CASE("a new call begins with the first choice again, unless its breaker is open") {
    Asking asking({.strikes = 1});
    asking.ask();
    asking.fails(asking.first);
    asking.second.answer("At nine.");
    asking.ask();
    CHECK(asking.first.asked.size() == 1);  // within this call it has struck out
    const auto another = [&] {
        return chain_llm({&asking.first, &asking.second}, std::make_shared<Standing>(std::vector<std::string>{"first", "second"}, std::vector<Breaker*>{&asking.one, &asking.two}, ChainRules{}, nullptr));
    };
    const auto next_call = another();
    auto stream = next_call->generate(asking.loop, {}, {});
    CHECK(asking.first.asked.size() == 2);
    stream.reset();
    for (int i = 0; i < 3; ++i) asking.one.failed(asking.loop.now(), false);
    const auto third_call = another();
    stream = third_call->generate(asking.loop, {}, {});
    CHECK(asking.first.asked.size() == 2);
    stream.reset();
}
