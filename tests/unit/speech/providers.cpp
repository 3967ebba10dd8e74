#include "voicectl/speech/providers.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "support/fake_loop.h"

using namespace voicectl;
using namespace voicectl::speech;

namespace {

struct House {
    Workers workers{1, "test"};
    net::HttpClient http;
    ProviderContext context{workers, http, [](const std::string&) { return std::nullopt; }, "."};
};

template<class T>
void check_list(const std::vector<Provider<T>>& providers) {
    std::set<std::string_view> names;
    for (const auto& provider : providers) {
        CHECK(names.insert(provider.name).second);
        CHECK(!provider.summary.empty());
        CHECK((provider.build != nullptr));
    }
    CHECK(!names.empty());
}

}  // namespace

TEST_CASE("every provider has a name of its own and a summary") {
    check_list(stt_providers());
    check_list(llm_providers());
    check_list(tts_providers());
}

TEST_CASE("an unknown option is named together with the known ones") {
    House house;
    const auto built = build_llm({{"provider", "script"}, {"rulse", nlohmann::json::array()}}, house.context);
    REQUIRE(!built);
    CHECK(built.error().key == "rulse");
    CHECK(built.error().hint.find("rules") != std::string::npos);
}

TEST_CASE("a script answers one word per turn of the loop, after its delay of virtual time") {
    House house;
    test::FakeLoop loop;
    const auto model = build_llm({{"provider", "script"}, {"default", "One two."}, {"delay_ms", 400}}, house.context);
    REQUIRE(model);
    std::vector<std::string> pieces;
    bool done = false;
    const auto stream = (*model)->generate(loop, {}, {.on_text = [&](const std::string& piece) { pieces.push_back(piece); },
                                                      .on_done = [&](const LlmEnd&) { done = true; },
                                                      .on_error = {}});
    loop.advance(std::chrono::milliseconds(399));
    CHECK(pieces.empty());
    loop.advance(std::chrono::milliseconds(1));
    CHECK(pieces == std::vector<std::string>{"One", " two."});
    CHECK(done);
}
