#include "commands/transcript/assess.h"

#include "commands/interrupt.h"
#include "commands/transcript/models.h"
#include "commands/transcript/source.h"
#include "voicectl/agent/assessment.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kTranscriptSummarizeHelp = R"(By the `llm` of an agent's file; its second choice is asked when the first fails. A call has one summary: it is made
once, and shown from then on; --again makes a new one. A transcript of more than 500 entries is refused.

Examples:
  voicectl transcript summarize demo --config examples/receptionist.yaml
  voicectl transcript summarize 7 --config receptionist.yaml --again --get /summary)";

constexpr const char* kTranscriptEvaluateHelp = R"(By the `llm` of an agent's file, which says of each criterion whether it was met, and why; the score is the part that
was, in percent. Exit 6 when the call has its evaluation (--again replaces it); while the transcript is not there yet, or
the model answers what is no evaluation, it is tried 5 times in all, then exit 7 or 1. --pass 80 is exit 3 below that score.

Examples:
  voicectl transcript evaluate demo --config receptionist.yaml --criterion "The agent told the opening hours"
  voicectl transcript evaluate 7 --config receptionist.yaml --criterion @criteria.txt --pass 80 --json)";

constexpr int kEvaluationTries = 5;
constexpr std::chrono::milliseconds kFirstPause{500};  // doubled each time
constexpr std::size_t kMostCriteria = 50;

Json assessment_json(const store::Call& call, const store::Assessment& made, bool fresh) {
    Json out{{"callId", call.id}, {"room", call.room}, {"model", made.model}, {"madeAt", format_time(made.made_at)}, {"new", fresh}};
    if (made.kind == "summary") out["summary"] = made.text;
    else out.update(Json::parse(made.text, nullptr, false));
    return out;
}

Result<store::Assessment> make_summary(const TranscriptSummarizeOptions& options, store::Store& store, const store::Call& call, Env& env) {
    VC_TRY_ASSIGN(const auto turns, agent::turns_to_assess(store, call));
    VC_TRY_ASSIGN(auto models, Models::load(options.config, env));
    VC_TRY_ASSIGN(const auto said, models.ask(agent::summary_question(turns)));
    VC_TRY_ASSIGN(auto text, agent::read_summary(said.text));
    store::Assessment made{call.id, "summary", std::move(text), said.model, std::chrono::system_clock::now()};
    VC_TRY(store.save_assessment(made, /*replace=*/true));
    return made;
}

Result<std::vector<std::string>> read_criteria(const std::vector<std::string>& given) {
    std::vector<std::string> out;
    for (const auto& one : given) {
        VC_TRY_ASSIGN(const auto text, read_payload(one));
        for (const auto& line : split(text, '\n'))
            if (auto criterion = plain_text(trim(line), 1000); !criterion.empty()) out.push_back(std::move(criterion));
    }
    if (out.empty()) return fail_with_hint(Errc::Usage, "there is no criterion to judge by", "--criterion TEXT, or @FILE with one a line");
    if (out.size() > kMostCriteria) return fail(Errc::Usage, "{} criteria are more than {}", out.size(), kMostCriteria);
    return out;
}

/// May the same be tried again?
bool may_come(const Error& error) { return error.code == Errc::Unreachable || error.code == Errc::Protocol || error.code == Errc::Timeout; }

Result<store::Assessment> try_evaluation(store::Store& store, std::int64_t call_id, Models& models, const std::vector<std::string>& criteria) {
    VC_TRY_ASSIGN(const auto call, store.call(call_id));  // as it is by now
    VC_TRY_ASSIGN(const auto turns, agent::turns_to_assess(store, call));
    VC_TRY_ASSIGN(const auto said, models.ask(agent::evaluation_question(turns, criteria)));
    VC_TRY_ASSIGN(const auto judged, agent::read_evaluation(said.text, criteria));
    return store::Assessment{call.id, "evaluation", judged.dump(), said.model, std::chrono::system_clock::now()};
}

Result<store::Assessment> evaluate(store::Store& store, std::int64_t call_id, Models& models, const std::vector<std::string>& criteria, Env& env) {
    Interrupt interrupt;
    for (int tried = 1;; ++tried) {
        auto made = try_evaluation(store, call_id, models, criteria);
        if (made || tried == kEvaluationTries || !may_come(made.error())) return made;
        const auto pause = kFirstPause * (1 << (tried - 1));
        env.out.note(fmt::format("{}; trying again in {}", made.error().message, format_duration(pause)));
        VC_TRY(interrupt.sleep_until(Clock::now() + pause));
    }
}

std::string evaluation_text(const Json& json) {
    auto out = fmt::format("{} % of the criteria were met\n", json.value("score", 0));
    for (const auto& one : json["criteria"])
        out += fmt::format("  {}  {}{}\n", one.value("met", false) ? "met    " : "not met", terminal_safe(one.value("criterion", "")),
                           one.value("reason", "").empty() ? "" : " — " + terminal_safe(one.value("reason", "")));
    return out + (json.value("summary", "").empty() ? "" : terminal_safe(json.value("summary", "")) + "\n");
}

}  // namespace

void add_transcript_summarize(Command transcript, Env& env, Run<TranscriptSummarizeOptions> run) {
    auto options = std::make_shared<TranscriptSummarizeOptions>();
    auto command = transcript.add_subcommand("summarize", "Have a model summarise a call");
    command.footer(kTranscriptSummarizeHelp).no_dry_run();
    command.add_option("call", options->call, "Number of a call, or a room").required().type_name("ID|ROOM");
    command.add_option("--config", options->config, "The agent's file: its llm is asked").required().type_name("FILE");
    command.add_flag("--again", options->again, "Make a new one");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_summarize(const TranscriptSummarizeOptions& options, Env& env) {
    const auto path = store_place(options.store, env).path;
    VC_TRY(store::Store::open_existing(path));  // what is to be summarised is there already
    VC_TRY_ASSIGN(auto store, store::Store::open(path));
    VC_TRY_ASSIGN(const auto call, find_call(*store, options.call));
    auto known = store->find_assessment(call.id, "summary");
    if (!known && known.error().code != Errc::NotFound) return std::unexpected(std::move(known).error());
    const bool fresh = options.again || !known;
    if (fresh) {
        VC_TRY_ASSIGN(known, make_summary(options, *store, call, env));
        env.out.changed();
    }
    const auto json = assessment_json(call, *known, fresh);
    return env.out.emit(json, terminal_safe(known->text) + "\n", std::to_string(call.id));
}

void add_transcript_evaluate(Command transcript, Env& env, Run<TranscriptEvaluateOptions> run) {
    auto options = std::make_shared<TranscriptEvaluateOptions>();
    auto command = transcript.add_subcommand("evaluate", "Have a model judge a call by criteria");
    command.footer(kTranscriptEvaluateHelp).no_dry_run();
    command.add_option("call", options->call, "Number of a call, or a room").required().type_name("ID|ROOM");
    command.add_option("--config", options->config, "The agent's file: its llm is asked").required().type_name("FILE");
    command.add_option("--criterion", options->criteria, "What has to be true of the call; @FILE has one a line (repeat)").one_value().required().type_name("TEXT|@FILE|-");
    command.add_option("--pass", options->least, "Exit 3 when the score is less").range(0, 100);
    command.add_flag("--again", options->again, "Also when there is one, which is replaced");
    add_store_choice(command, options->store);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_evaluate(const TranscriptEvaluateOptions& options, Env& env) {
    VC_TRY_ASSIGN(const auto criteria, read_criteria(options.criteria));
    const auto path = store_place(options.store, env).path;
    VC_TRY(store::Store::open_existing(path));
    VC_TRY_ASSIGN(auto store, store::Store::open(path));
    VC_TRY_ASSIGN(const auto call, find_call(*store, options.call));
    if (!options.again && store->find_assessment(call.id, "evaluation"))
        return fail_with_hint(Errc::Conflict, fmt::format("call {} has its evaluation already", call.id), "--again replaces it");
    VC_TRY_ASSIGN(auto models, Models::load(options.config, env));
    VC_TRY_ASSIGN(const auto made, evaluate(*store, call.id, models, criteria, env));
    VC_TRY(store->save_assessment(made, options.again));
    env.out.changed();
    const auto json = assessment_json(call, made, true);
    VC_TRY(env.out.emit(json, evaluation_text(json), std::to_string(call.id)));
    if (const int score = json.value("score", 0); score < options.least) return fail(Errc::CheckFailed, "the score is {}, less than {}", score, options.least);
    return {};
}

}  // namespace voicectl::commands
