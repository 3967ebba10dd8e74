// A call whose model uses tools, on virtual time: what is spoken, what the model is told, and what is noted.
#include "core/agent/history.h"
#include "core/agent/tools/tool_loop.h"
#include "support/agent_call.h"

using namespace voicectl;
using namespace voicectl::agent;
using speech::ChatMessage;

namespace {

/// Gives what the test says, when the time has come.
class SlowTool final : public Tool {
 public:
    SlowTool(std::string name, std::chrono::milliseconds takes, ToolResult result) : takes_(takes), result_(std::move(result)) { spec_ = {std::move(name), "", R"({"type":"object"})"}; }
    const speech::ToolSpec& spec() const override { return spec_; }
    std::unique_ptr<ToolRun> run(Loop& loop, const nlohmann::json&, ToolDone done) const override {
        struct Run final : ToolRun {
            explicit Run(Loop& on) : timer(on) {}
            Timer timer;
        };
        auto run = std::make_unique<Run>(loop);
        run->timer.after(takes_, [done = std::move(done), result = result_] { done(result); });
        return run;
    }

 private:
    std::chrono::milliseconds takes_;
    ToolResult result_;
    speech::ToolSpec spec_;
};

struct LoopBench {
    LoopBench() {
        CallTools::Handlers handlers;
        handlers.on_used = [this](const ToolUse& use) { uses.push_back(use); };
        tools = std::make_unique<CallTools>(loop, nullptr, std::move(handlers));
        tools->add(std::make_unique<SlowTool>("fast", 100ms, ToolResult{ToolOutcome::Ok, "sun"}));
        tools->add(std::make_unique<SlowTool>("slow", 1s, ToolResult{ToolOutcome::Failed, "no"}));
        tools->add(std::make_unique<SlowTool>("hangs", 1h, ToolResult{}));
        tools->add(std::make_unique<SlowTool>("bye", 0ms, ToolResult{ToolOutcome::Ok, "ends", true}));
    }
    void begin(bool allowed = true) {
        ToolLoop::Handlers handlers;
        handlers.on_text = [this](const std::string& piece) { said += piece; };
        handlers.on_calls = [this] { said += "|"; };
        handlers.on_done = [this](bool end_call) { done = end_call ? 2 : 1; };
        handlers.on_error = [this](const Error&) { done = -1; };
        answer = std::make_unique<ToolLoop>(loop, model, tools.get(), speech::Chat{{{ChatMessage::Role::User, "hi"}}}, std::move(handlers));
        if (allowed) answer->allow();
    }
    test::FakeLoop loop;
    test::FakeModel model;
    std::vector<ToolUse> uses;
    std::unique_ptr<CallTools> tools;
    std::string said;
    int done = 0;
    std::unique_ptr<ToolLoop> answer;
};

struct ToolCallBench : Call {
    explicit ToolCallBench(std::map<std::string, std::string> transfer_to = {}) {
        config.tools.built_in = {"end_call", "send_dtmf"};
        config.tools.transfer_to = std::move(transfer_to);
        const speech::ProviderContext context{workers, http, [](const std::string&) { return std::nullopt; }, "."};
        stages.tools = *Toolbox::build(config.tools, context);
    }
    void begin() {
        start([this](const nlohmann::json& report) { reports.push_back(report); });
        caller_comes();
        loop.advance(5s);
    }
    std::size_t count(const std::string& kind) const {
        return static_cast<std::size_t>(std::count_if(reports.begin(), reports.end(), [&](const auto& one) { return one.value("kind", "") == kind; }));
    }
    Workers workers{1, "tools-test"};
    net::HttpClient http;
    std::vector<nlohmann::json> reports;
};

constexpr const char* kThrough = "I am putting you through to sales now.";

/// The server does what the test says.
struct TransferBench : ToolCallBench {
    TransferBench() : ToolCallBench({{"sales", "tel:+49301234"}, {"desk", "sip:desk@example.com"}}) {
        config.caller_return = 0s;
        transfer = [this](const Transfer& wanted, TransferDone done) {
            wishes.push_back(wanted);
            server_says = std::move(done);
        };
    }
    void ask(const std::string& to = "sales") {
        caller_says("sales please");
        model->call({{"a", "transfer", R"({"to":")" + to + R"("})"}}, kThrough);
    }
    void begin_transfer() {
        begin();
        ask();
        loop.advance(3s);
        REQUIRE(wishes.size() == 1);
    }
    std::vector<Transfer> wishes;
    TransferDone server_says;
};

std::string why_over(TransferBench& call) {
    call.loop.advance(5s);
    return call.outcome ? (call.outcome->good ? "" : "bad: ") + call.outcome->reason : "it is not";
}

}  // namespace

TEST_CASE("tools run side by side, and the model goes on with what they gave") {
    LoopBench bench;
    bench.begin();
    CHECK(bench.model.last.tools.size() == 4);
    bench.model.call({{"a", "fast", "{}"}, {"b", "slow", "{}"}}, "One moment.");
    CHECK(bench.said == "One moment.|");
    CHECK(bench.answer->working());
    bench.loop.advance(999ms);
    CHECK(bench.model.asked.size() == 1);
    bench.loop.advance(1ms);
    REQUIRE(bench.model.asked.size() == 2);
    const auto& told = bench.model.asked[1];
    REQUIRE(told.size() == 4);
    CHECK(told[1].text == "One moment.");
    CHECK(told[1].calls.size() == 2);
    CHECK(told[2].role == ChatMessage::Role::Tool);
    CHECK(told[2].text == "sun");
    CHECK(told[2].call_id == "a");
    CHECK(told[3].text == "no");
    CHECK(told[3].failed);
    bench.model.answer(" Sunny.");
    CHECK(bench.said == "One moment.| Sunny.");
    CHECK(bench.done == 1);
    REQUIRE(bench.answer->steps().size() == 3);
    CHECK(bench.answer->steps()[0].text.empty());  // what was heard of it stands with the rest of the answer
    CHECK(bench.uses.size() == 2);
}

TEST_CASE("after three steps the model has to answer in words") {
    LoopBench bench;
    bench.begin();
    for (int step = 0; step < 3; ++step) {
        CHECK(bench.model.last.may_call);
        bench.model.call({{"id", "fast", "{}"}});
        bench.loop.advance(100ms);
    }
    CHECK(bench.model.asked.size() == 4);
    CHECK_FALSE(bench.model.last.may_call);
    CHECK(bench.model.last.tools.size() == 4);
    bench.model.call({{"id", "fast", "{}"}});  // and if it does not, that is the end
    bench.loop.advance(1s);
    CHECK(bench.done == 1);
    CHECK(bench.uses.size() == 3);
}

TEST_CASE("nothing is run before it is allowed, and what is stopped is cancelled") {
    LoopBench bench;
    bench.begin(/*allowed=*/false);
    bench.model.call({{"a", "fast", "{}"}});
    bench.loop.advance(1s);
    CHECK(bench.uses.empty());
    bench.answer->allow();
    bench.loop.advance(100ms);
    CHECK(bench.uses.size() == 1);
    bench.model.call({{"b", "hangs", "{}"}, {"c", "fast", "{}"}});
    bench.loop.advance(200ms);
    bench.answer->stop();
    bench.loop.advance(1h);
    REQUIRE(bench.uses.size() == 3);
    CHECK(bench.uses.back().outcome == ToolOutcome::Cancelled);
    const auto& steps = bench.answer->steps();
    REQUIRE(steps.size() == 5);  // every call has its result: a model's server wants that
    CHECK(steps[3].failed);
    CHECK(steps[4].text == "sun");
    CHECK(bench.done == 0);
}

TEST_CASE("a tool that hangs has ten seconds") {
    LoopBench bench;
    bench.begin();
    bench.model.call({{"a", "hangs", "{}"}});
    bench.loop.advance(10s);
    REQUIRE(bench.model.asked.size() == 2);
    CHECK(bench.model.asked[1].back().text.find("no result within") != std::string::npos);
    CHECK(bench.uses.back().outcome == ToolOutcome::Timeout);
}

TEST_CASE("hanging up by a tool: with its goodbye said, or after one more sentence") {
    LoopBench bench;
    bench.begin();
    bench.model.call({{"a", "bye", "{}"}}, "Goodbye.");
    bench.loop.advance(100ms);
    CHECK(bench.done == 2);
    CHECK(bench.model.asked.size() == 1);
    LoopBench silent;
    silent.begin();
    silent.model.call({{"a", "bye", "{}"}});
    silent.loop.advance(100ms);
    REQUIRE(silent.model.asked.size() == 2);
    CHECK_FALSE(silent.model.last.may_call);
    silent.model.answer("Goodbye.");
    CHECK(silent.done == 2);
}

TEST_CASE("a call: words before a tool are spoken while it runs, and all of it is noted") {
    ToolCallBench call;
    call.begin();
    call.caller_says("press one for me");
    call.model->call({{"a", "send_dtmf", R"({"keys":",,1#"})"}}, "I am on it");
    call.loop.advance(1s);
    CHECK(call.voice->spoken.back() == "I am on it");
    CHECK(call.model->asked.size() == 1);
    call.loop.advance(5s);
    REQUIRE(call.model->asked.size() == 2);
    CHECK(call.model->asked[1].back().text == "The keys were pressed.");
    call.model->answer("It is done.");
    call.loop.advance(5s);
    CHECK(call.count("tool_call") == 1);
    CHECK(call.count("provider_error") == 0);
    call.caller_says("thank you");
    const auto& history = call.model->asked.back();
    REQUIRE(history.size() >= 5);
    const auto at = history.size() - 4;
    CHECK(history[at].calls.size() == 1);
    CHECK(history[at + 1].role == ChatMessage::Role::Tool);
    CHECK(history[at + 2].text == "I am on it It is done.");
    call.session->end(true, "over");
    call.loop.settle();
    const auto turns = call.transcript();
    const auto noted = std::find_if(turns.begin(), turns.end(), [](const auto& turn) { return turn.text == "I am on it It is done."; });
    REQUIRE(noted != turns.end());
    const auto detail = nlohmann::json::parse(noted->detail_json);
    CHECK(detail["tools"][0]["tool"] == "send_dtmf");
    CHECK(detail["tools"][0]["outcome"] == "ok");
}

TEST_CASE("a call: a slow tool after some words is no silent agent") {
    ToolCallBench call;
    call.begin();
    call.caller_says("press slowly");
    call.model->call({{"a", "send_dtmf", R"({"keys":",,,,,,,,,1"})"}}, "One moment.");
    call.loop.advance(12s);
    CHECK(call.count("provider_error") == 0);
    REQUIRE(call.model->asked.size() == 2);
}

TEST_CASE("a call: who interrupts cancels what runs, and the model is told so") {
    ToolCallBench call;
    call.begin();
    call.caller_says("press slowly");
    call.model->call({{"a", "send_dtmf", R"({"keys":",,,,,,,,,1"})"}}, "One moment while I press the key for you.");
    call.loop.advance(500ms);
    call.caller_says("no stop it please");
    CHECK(call.count("tool_call") == 1);
    CHECK(call.reports.end() != std::find_if(call.reports.begin(), call.reports.end(), [](const auto& one) { return one.value("outcome", "") == "cancelled"; }));
    const auto& history = call.model->asked.back();
    CHECK(history.back().text == "no stop it please");
    CHECK(std::any_of(history.begin(), history.end(), [](const auto& one) { return one.role == ChatMessage::Role::Tool && one.failed; }));
}

TEST_CASE("a call: a turn of tools alone, and one with nothing, are no errors") {
    ToolCallBench call;
    call.begin();
    call.caller_says("press one");
    call.model->call({{"a", "send_dtmf", R"({"keys":"1"})"}});
    call.loop.advance(3s);
    const auto sink = call.model->sink;
    sink.on_done({});
    call.loop.advance(3s);
    CHECK(call.count("provider_error") == 0);
    CHECK(call.session->idle());
    call.caller_says("bye then");
    call.model->call({{"b", "end_call", "{}"}}, "Goodbye.");
    call.loop.advance(10s);
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "agent said goodbye");
}

TEST_CASE("what tools gave does not stay in the history without who called them") {
    using Role = ChatMessage::Role;
    std::vector<ChatMessage> history{{Role::System, "be kind"}, {Role::User, "a"}, {Role::Assistant, "", {{"1", "f", "{}"}}}, {Role::Tool, "x", {}, "1"}, {Role::Assistant, "b"}, {Role::User, "c"}};
    trim_history(history, {.messages = 4, .tokens = 0});
    REQUIRE(history.size() == 3);
    CHECK(history[1].text == "b");
}

TEST_CASE("a call: who is transferred hears the agent's words first, and the call ends well") {
    TransferBench call;
    call.begin();
    call.ask();
    call.loop.advance(900ms);  // they take 850 ms, and some time to get there
    CHECK(call.wishes.empty());
    call.loop.advance(1s);
    REQUIRE(call.wishes.size() == 1);
    CHECK(call.wishes[0].job_id == "AJ_1");
    CHECK(call.wishes[0].room == "room");
    CHECK(call.wishes[0].identity == "ann");
    CHECK(call.wishes[0].to == "tel:+49301234");
    CHECK_FALSE(call.outcome);
    call.server_says({});
    CHECK(why_over(call) == "transferred to sales");
    CHECK(call.model->asked.size() == 1);  // there is nobody left to say anything to
    const auto turns = call.transcript();
    REQUIRE_FALSE(turns.empty());
    CHECK(turns.back().text == kThrough);
    CHECK_FALSE(turns.back().interrupted);
    const auto detail = nlohmann::json::parse(turns.back().detail_json);
    CHECK(detail["tools"][0]["tool"] == "transfer");
    CHECK(detail["tools"][0]["outcome"] == "ok");
}

TEST_CASE("a call: a transfer that fails is told to the model, which goes on") {
    TransferBench call;
    call.begin_transfer();
    call.server_says(fail(Errc::Rejected, "no SIP caller"));
    call.loop.advance(1s);
    REQUIRE(call.model->asked.size() == 2);
    CHECK(call.model->asked[1].back().text == "the caller could not be transferred: no SIP caller");
    CHECK(call.model->asked[1].back().failed);
    call.model->answer("That did not work.");
    call.loop.advance(5s);
    CHECK_FALSE(call.outcome);
    CHECK(call.session->idle());
    call.ask("desk");  // once more
    call.loop.advance(3s);
    REQUIRE(call.wishes.size() == 2);
    CHECK(call.wishes[1].to == "sip:desk@example.com");
}

TEST_CASE("a call: who interrupts the words before it is not transferred") {
    TransferBench call;
    call.begin();
    call.ask();
    call.loop.advance(300ms);
    call.caller_says("no not to them please");
    call.loop.advance(10s);
    CHECK(call.wishes.empty());
    CHECK(call.model->asked.back().back().text == "no not to them please");
}

TEST_CASE("a call: while the server transfers, what the caller says waits") {
    TransferBench call;
    call.begin_transfer();
    call.caller_says("hello is anybody there");
    CHECK(call.model->asked.size() == 1);
    SUBCASE("and nobody answers it when it is done") {
        call.server_says({});
        CHECK(why_over(call) == "transferred to sales");
        CHECK(call.model->asked.size() == 1);
    }
    SUBCASE("until it has failed") {
        call.server_says(fail(Errc::Unreachable, "no answer"));
        call.loop.advance(1s);
        REQUIRE(call.model->asked.size() == 2);
        call.model->answer("They do not answer.");
        call.loop.advance(5s);
        REQUIRE(call.model->asked.size() == 3);
        CHECK(call.model->asked[2].back().text == "hello is anybody there");
    }
}

TEST_CASE("a call: the caller and the room are gone before the server says how the transfer went") {
    TransferBench call;
    call.begin_transfer();
    call.room().events().on_left(person("ann"));
    call.loop.advance(3s);
    CHECK_FALSE(call.outcome);
    SUBCASE("well") {
        call.server_says({});
        CHECK(why_over(call) == "transferred to sales");
    }
    SUBCASE("badly: the caller has hung up") {
        call.server_says(fail(Errc::Unreachable, "no answer"));
        CHECK(why_over(call) == "caller left");
    }
    SUBCASE("well, and the room is closed") {
        call.room().events().on_closed({{Errc::NotFound, "room deleted", ""}});
        call.loop.advance(1s);
        CHECK_FALSE(call.outcome);
        call.server_says({});
        CHECK(why_over(call) == "transferred to sales");
    }
    SUBCASE("badly, and the room is closed") {
        call.room().events().on_closed({{Errc::NotFound, "room deleted", ""}});
        call.server_says(fail(Errc::Unreachable, "no answer"));
        CHECK(why_over(call) == "room deleted");
    }
    SUBCASE("and the call is over meanwhile") {
        call.session.reset();
        call.server_says({});
        call.loop.settle();
        CHECK_FALSE(call.outcome);
    }
}

TEST_CASE("a call: a model cannot name an address of its own, and where nobody can transfer it is told so") {
    TransferBench call;
    call.begin();
    CHECK(call.model->asked.empty());
    call.ask("tel:+1900555");
    call.loop.advance(3s);
    CHECK(call.wishes.empty());
    REQUIRE(call.model->asked.size() == 2);
    CHECK(call.model->asked[1].back().text.find("the arguments are wrong") == 0);
    for (const auto& tool : call.model->last.tools) CHECK(tool.parameters.find("4930") == std::string::npos);
    TransferBench lonely;
    lonely.transfer = nullptr;
    lonely.begin();
    lonely.ask();
    lonely.loop.advance(3s);
    REQUIRE(lonely.model->asked.size() == 2);
    CHECK(lonely.model->asked[1].back().text == "the caller could not be transferred: calls cannot be transferred here");
}
