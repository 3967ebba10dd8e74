// The peer of `scripts/bench transcripts`: a transcript built as one nlohmann value and dumped, as one would write it at first.
//
//   transcript_peer fill STORE TURNS    a store with one call of so many turns
//   transcript_peer dump STORE FILE     the call as `transcript export --format json` writes it
//   transcript_peer spin STORE TURNS    both ways of writing alone, on turns that are in memory; "ours MS theirs MS" on stdout
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "voicectl/base/atomic_file.h"
#include "voicectl/base/text.h"
#include "voicectl/store/store.h"
#include "voicectl/transcript/format.h"

namespace {

using namespace voicectl;
using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "{}\n", why);
    std::exit(1);
}

template<class T>
T value_of(Result<T> result) {
    if (!result) give_up(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::int64_t ms(store::SystemTime from, store::SystemTime to) { return std::chrono::floor<milliseconds>(to - from).count(); }

store::Turn sample(int number) {
    const bool agent = number % 2 == 0;
    store::Turn turn;
    turn.sequence = number;
    turn.speaker = agent ? store::Speaker::Agent : store::Speaker::User;
    turn.identity = agent ? "agent-AJ_7Xk2mQp9" : "caller-ann";
    turn.text = agent ? fmt::format("We are open from nine in the morning until six in the evening on the {}th, \"daily\", as I said.", number) : fmt::format("Wann haben Sie am {}. geöffnet?", number);
    turn.started_at = store::SystemTime(std::chrono::seconds(1'767'323'045 + 3 * number));
    turn.ended_at = turn.started_at + milliseconds(1500);
    if (agent) turn.detail_json = fmt::format(R"({{"answerLatencyMs":{},"endOfTurnMs":300,"sttMs":120,"llmMs":210,"ttsMs":110,"stages":[{{"stage":"llm","provider":"openai","ms":210}}]}})", 500 + number % 900);
    return turn;
}

void fill(const std::string& path, int count) {
    store::Call call;
    call.room = "long";
    call.job_id = "AJ_1";
    std::vector<store::Turn> turns;
    for (int i = 0; i < count; ++i) turns.push_back(sample(i));
    value_of(value_of(store::Store::open(path))->save_transcript(call, turns));
}

Json turn_value(const store::Turn& turn, const store::Call& call) {
    auto detail = Json::parse(turn.detail_json, nullptr, false);
    return {{"sequence", turn.sequence},
            {"speaker", turn.speaker == store::Speaker::Agent ? "agent" : "user"},
            {"identity", turn.identity},
            {"text", turn.text},
            {"startedAt", format_time(turn.started_at)},
            {"startedAtMs", ms({}, turn.started_at)},
            {"endedAt", format_time(turn.ended_at)},
            {"endedAtMs", ms({}, turn.ended_at)},
            {"offsetMs", ms(call.started_at, turn.started_at)},
            {"durationMs", ms(turn.started_at, turn.ended_at)},
            {"interrupted", turn.interrupted},
            {"detail", detail.is_object() ? std::move(detail) : Json::object()}};
}

void dump(const std::string& path, const std::string& file) {
    const auto store = value_of(store::Store::open_existing(path));
    const auto call = value_of(store->find("long"));
    Json out{{"id", call.id}, {"room", call.room}, {"turns", Json::array()}};
    value_of(store->turns(call.id, [&](const store::Turn& turn) {
        out["turns"].push_back(turn_value(turn, call));
        return true;
    }));
    value_of(write_file_atomically(file, out.dump(-1, ' ', false, Json::error_handler_t::replace), 0600));
}

double since(std::chrono::steady_clock::time_point began) { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count(); }

void spin(const std::string& path, int count) {
    const auto store = value_of(store::Store::open_existing(path));
    const auto call = value_of(store->find("long"));
    std::vector<store::Turn> turns;
    value_of(store->turns(call.id, [&](const store::Turn& turn) {
        turns.push_back(turn);
        return turns.size() < 1000;
    }));
    const auto writer = transcript::find_form("json")->create({});
    std::string text;
    std::size_t ours_size = 0;
    auto began = std::chrono::steady_clock::now();
    writer->begin_call(call, text);
    for (int i = 0; i < count; ++i) {
        writer->turn(turns[static_cast<std::size_t>(i) % turns.size()], call, text);
        if (text.size() < 65536) continue;
        ours_size += text.size();
        text.clear();
    }
    const auto ours = since(began);
    began = std::chrono::steady_clock::now();
    auto out = Json::array();
    for (int i = 0; i < count; ++i) out.push_back(turn_value(turns[static_cast<std::size_t>(i) % turns.size()], call));
    const auto theirs_size = out.dump().size();
    fmt::print("ours {:.0f} theirs {:.0f}\n", ours, since(began));
    if (ours_size == 0 || theirs_size == 0) give_up("nothing was written");
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> given(words + 1, words + count);
    if (given.size() != 3) give_up("transcript_peer fill STORE TURNS | dump STORE FILE | spin STORE TURNS");
    if (given[0] == "fill") fill(given[1], std::atoi(given[2].c_str()));
    else if (given[0] == "dump") dump(given[1], given[2]);
    else spin(given[1], std::atoi(given[2].c_str()));
}
