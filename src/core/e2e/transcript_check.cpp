#include "transcript_check.h"

#include <thread>

#include "voicectl/base/redact.h"
#include "voicectl/store/store.h"

namespace voicectl::e2e {
namespace {

Result<std::vector<store::Turn>> read_turns(const std::string& path, const std::string& room) {
    VC_TRY_ASSIGN(const auto open, store::Store::open_existing(path));
    VC_TRY_ASSIGN(const auto call, open->find(room));
    std::vector<store::Turn> turns;
    VC_TRY(open->turns(call.id, [&](const store::Turn& turn) {
        turns.push_back(turn);
        return true;
    }));
    return turns;
}

std::string speaker(bool agent) { return agent ? "agent" : "caller"; }

Result<Seen> compare(const std::vector<store::Turn>& turns, const std::vector<Spoken>& spoken, double tolerance,
                     const speech::Pronunciations& pronunciations) {
    Seen seen;
    seen.evidence["turns"] = nlohmann::ordered_json::array();
    double worst = 1;
    std::size_t i = 0;  // the stored turn that comes next
    for (const auto& said : spoken) {
        if (said.perhaps && (i >= turns.size() || turns[i].speaker == store::Speaker::Agent)) continue;
        if (i >= turns.size()) return fail(Errc::CheckFailed, "turn {} is not stored ({}: \"{}\")", i, speaker(said.agent), cut_speech(said.text));
        const bool stored_agent = turns[i].speaker == store::Speaker::Agent;
        // What is stored was meant; what we have of the agent is what a recogniser made of it.
        const auto match = speech::compare_sounds(turns[i].text, said.text, pronunciations);
        if (stored_agent != said.agent || (match.score < tolerance && !said.perhaps)) {
            return fail(Errc::CheckFailed, "turn {}: the {} said \"{}\", stored is {}: \"{}\" ({:.0f} % of the words, {:.0f} % needed)", i,
                        speaker(said.agent), cut_speech(said.text, 120), speaker(stored_agent),
                        cut_speech(turns[i].text, 120), 100 * std::max(0.0, match.score), 100 * tolerance);
        }
        if (!said.perhaps) worst = std::min(worst, match.score);
        seen.evidence["turns"].push_back({{"speaker", speaker(stored_agent)}, {"stored", turns[i].text}, {"score", match.score}});
        ++i;
    }
    if (turns.size() > i)
        return fail(Errc::CheckFailed, "{} turns are stored, {} were spoken; the first one too many: \"{}\"", turns.size(), i, cut_speech(turns[i].text));
    seen.detail = fmt::format("{} turns, both sides; the worst matches {:.0f} % of its words", turns.size(), 100 * worst);
    return seen;
}

}  // namespace

Result<Seen> check_transcript(const std::string& store_path, const std::string& room, const std::vector<Spoken>& spoken,
                              double tolerance, std::chrono::milliseconds patience,
                              const speech::Pronunciations& pronunciations) {
    if (spoken.empty()) return fail(Errc::CheckFailed, "nothing was spoken that could be compared");
    const auto deadline = Deadline::in(patience);
    while (true) {
        const auto turns = read_turns(store_path, room);
        const bool enough = turns && turns->size() >= spoken.size();
        if (enough || deadline.passed()) {
            if (!turns) return std::unexpected(turns.error());
            return compare(*turns, spoken, tolerance, pronunciations);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{100});  // another process writes it: nothing to wait on
    }
}

std::string stored_greeting(const std::string& store_path, const std::string& room) {
    const auto turns = read_turns(store_path, room);
    if (!turns || turns->empty() || turns->front().speaker != store::Speaker::Agent) return {};
    return turns->front().text;
}

}  // namespace voicectl::e2e
