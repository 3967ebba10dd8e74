#include <thread>

#include "handlers.h"
#include "voicectl/agent/assessment.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

constexpr int kEvaluationAttempts = 5, kSummaryAttempts = 2;
constexpr std::chrono::milliseconds kFirstRest{500};  // doubled each time

Answer assessment_answer(const store::Call& call, const store::Assessment& made, bool fresh) {
    nlohmann::ordered_json data{{"callId", call.id}, {"room", call.room}, {"kind", made.kind}, {"model", made.model}, {"madeAt", format_time(made.made_at)}, {"new", fresh}};
    if (made.kind == "summary") data["summary"] = made.text;
    else data.update(nlohmann::ordered_json::parse(made.text, nullptr, false));
    return {.status = fresh && made.kind == "evaluation" ? 201 : 200, .data = std::move(data)};
}

std::vector<std::string> criteria_in(const nlohmann::json& body) {
    std::vector<std::string> out;
    for (const auto& one : body.value("criteria", nlohmann::json::array()))
        if (auto text = plain_text(trim(one.get<std::string>()), 1000); !text.empty()) out.push_back(std::move(text));
    return out;
}

}  // namespace

std::expected<Assessing, Fault> begin_assessment(store::Store& store, const Question& question, const std::string& kind, bool of_session) {
    Assessing out{.call = {}, .kind = kind, .criteria = criteria_in(question.body), .again = question.body.value("again", false), .chat = {}, .known = {}};
    if (kind == "evaluation" && out.criteria.empty()) return std::unexpected(Fault(400, Error{Errc::Usage, "criteria: there is none to judge by", ""}));
    VC_TRY_ASSIGN(out.call, of_session ? call_of_session(store, question) : call_of(store, question));
    auto known = store.find_assessment(out.call.id, kind);
    if (!known && known.error().code != Errc::NotFound) return std::unexpected(Fault(std::move(known).error()));
    if (known && !out.again) {
        if (kind == "evaluation") return std::unexpected(Fault(409, Error{Errc::Conflict, fmt::format("call {} has its evaluation already", out.call.id), "\"again\": true replaces it"}));
        out.known = assessment_answer(out.call, *known, false);
        return out;
    }
    // Not there yet is another thing than a conflict (requirement D5): asking again later helps.
    if (out.call.status == "active" || out.call.turns == 0)
        return std::unexpected(Fault(425, Error{Errc::Unreachable, "the transcript of this call is not there yet", out.call.status == "active" ? "the call goes on" : "nothing was said, or it is still being stored"}));
    VC_TRY_ASSIGN(const auto turns, agent::turns_to_assess(store, out.call));
    out.chat = kind == "summary" ? agent::summary_question(turns) : agent::evaluation_question(turns, out.criteria);
    return out;
}

std::expected<store::Assessment, Fault> assess(const Assessing& what, const std::function<Result<Said>(const speech::Chat&)>& ask) {
    const bool summary = what.kind == "summary";
    const int attempts = summary ? kSummaryAttempts : kEvaluationAttempts;
    auto rest = kFirstRest;
    for (int attempt = 1;; ++attempt, rest *= 2) {
        auto said = ask(what.chat);
        Result<std::string> text = said ? Result<std::string>(std::string()) : std::unexpected(said.error());
        if (said && summary) text = agent::read_summary(said->text);
        if (said && !summary) {
            const auto judged = agent::read_evaluation(said->text, what.criteria);
            if (judged) text = judged->dump();
            else text = std::unexpected(judged.error());
        }
        if (text) return store::Assessment{what.call.id, what.kind, std::move(*text), said->model, std::chrono::system_clock::now()};
        if (attempt == attempts || text.error().code == Errc::Auth || text.error().code == Errc::Config)
            return std::unexpected(Fault(502, std::move(text).error()));
        std::this_thread::sleep_for(rest);
    }
}

Outcome save_assessment(store::Store& store, const Assessing& what, const store::Assessment& made) {
    auto saved = store.save_assessment(made, what.again || what.kind == "summary");
    if (!saved) return std::unexpected(Fault(std::move(saved).error()));
    return assessment_answer(what.call, made, true);
}

}  // namespace voicectl::serve
