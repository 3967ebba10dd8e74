#include "core/e2e/transcript_check.h"

#include <doctest/doctest.h>

#include "support/temp_folder.h"
#include "voicectl/store/store.h"

using namespace voicectl;
using namespace voicectl::e2e;
using namespace std::chrono_literals;

namespace {

const speech::Pronunciations& dictionary() {
    static const auto loaded = speech::Pronunciations::load();
    REQUIRE(loaded);
    return *loaded;
}

struct Stored {
    explicit Stored(const std::vector<std::pair<store::Speaker, std::string>>& turns) {
        auto open = *store::Store::open(path);
        store::Call call;
        call.room = "room";
        call.job_id = "AJ_1";
        call.started_at = std::chrono::system_clock::now();
        std::vector<store::Turn> all;
        for (const auto& [speaker, text] : turns) {
            store::Turn turn;
            turn.sequence = static_cast<int>(all.size());
            turn.speaker = speaker;
            turn.text = text;
            all.push_back(turn);
        }
        REQUIRE(open->save_transcript(call, all));
    }
    Result<Seen> check(const std::vector<Spoken>& spoken) const { return check_transcript(path, "room", spoken, 0.6, 0ms, dictionary()); }
    test::TempFolder folder;
    std::string path = folder.file("store.db");
};

constexpr auto kAgent = store::Speaker::Agent;
constexpr auto kUser = store::Speaker::User;
const std::vector<Spoken> kSpoken{{true, "hello how can i help"}, {false, "When are you open?"}, {true, "we open at nine"}};

}  // namespace

TEST_CASE("a transcript that holds what was spoken is good") {
    const Stored stored({{kAgent, "Hello! How can I help?"}, {kUser, "when are you open"}, {kAgent, "We open at 9."}});
    CHECK(stored.check(kSpoken));
    CHECK(stored_greeting(stored.path, "room") == "Hello! How can I help?");
}

TEST_CASE("every way in which it can be wrong is named") {
    SUBCASE("a lost turn") {
        const Stored stored({{kAgent, "Hello! How can I help?"}, {kUser, "when are you open"}});
        CHECK(stored.check(kSpoken).error().message.starts_with("turn 2 is not stored"));
    }
    SUBCASE("a turn too many") {
        const Stored stored({{kAgent, "Hello! How can I help?"}, {kUser, "when are you open"}, {kAgent, "We open at 9."}, {kAgent, "Bye."}});
        CHECK(stored.check(kSpoken).error().message.find("4 turns are stored, 3 were spoken") != std::string::npos);
    }
    SUBCASE("the wrong speaker") {
        const Stored stored({{kAgent, "Hello! How can I help?"}, {kAgent, "when are you open"}, {kAgent, "We open at 9."}});
        CHECK(stored.check(kSpoken).error().message.starts_with("turn 1"));
    }
    SUBCASE("other words") {
        const Stored stored({{kAgent, "Hello! How can I help?"}, {kUser, "where do you live"}, {kAgent, "We open at 9."}});
        CHECK(stored.check(kSpoken).error().message.starts_with("turn 1"));
    }
    SUBCASE("no such call") {
        const Stored stored({{kAgent, "Hello"}});
        CHECK_FALSE(check_transcript(stored.path, "other", kSpoken, 0.6, 0ms, dictionary()));
        CHECK_FALSE(check_transcript("/nowhere/store.db", "room", kSpoken, 0.6, 0ms, dictionary()));
    }
    SUBCASE("nothing to compare proves nothing") {
        const Stored stored({{kAgent, "Hello"}});
        CHECK_FALSE(stored.check({}));
    }
}

TEST_CASE("a word of agreement is stored or not") {
    const std::vector<Spoken> spoken{{true, "hello how can i help"}, {false, "okay", true}, {true, "we open at nine"}};
    CHECK(Stored({{kAgent, "Hello! How can I help?"}, {kUser, "okay"}, {kAgent, "We open at 9."}}).check(spoken));
    CHECK(Stored({{kAgent, "Hello! How can I help?"}, {kAgent, "We open at 9."}}).check(spoken));
    CHECK_FALSE(Stored({{kAgent, "Hello! How can I help?"}, {kUser, "okay"}, {kUser, "okay"}, {kAgent, "We open at 9."}}).check(spoken));
    CHECK_FALSE(Stored({{kAgent, "Hello! How can I help?"}, {kUser, "okay"}}).check(spoken));
}
