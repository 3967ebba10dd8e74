#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "call_session.h"
#include "recovery.h"
#include "voicectl/agent/host.h"
#include "voicectl/agent/rescue.h"
#include "voicectl/agent/user_cap.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

class LocalCallHost final : public CallHost {
 public:
    explicit LocalCallHost(HostParts parts) : parts_(std::move(parts)), users_(parts_.store, parts_.config.limits.calls_per_user), renewal_(parts_.loop) {
        renewal_.every(kPlaceRenewal, [this] {
            renew_places();
            carry();
        });
        parts_.on_report = [this](const nlohmann::json& report) {
            if (on_report) on_report(report);
        };
        recovery_ = std::make_unique<Recovery>(parts_.loop, parts_.stages, parts_.config.failover.recover,
                                               Recovery::Handlers{.needed = [this] { return !calls_.empty(); }, .on_report = parts_.on_report});
        parts_.transfer = [this](const Transfer& wanted, TransferDone done) { pass_on(wanted, std::move(done)); };
        if (!parts_.stages.traces) return;
        exporter_ = SpanExporter::create(parts_.loop, *parts_.stages.traces);
        exporter_->on_dropped = [this](std::uint64_t count) {
            if (on_report) on_report({{"type", "report"}, {"kind", "spans_dropped"}, {"count", count}});
        };
        parts_.spans = exporter_.get();
    }

    ~LocalCallHost() override {
        recovery_.reset();
        if (exporter_) exporter_->on_dropped = nullptr;  // nobody may be left to be told
    }

    void start(const CallTicket& ticket) override {
        if (calls_.contains(ticket.job_id)) return;
        auto session = std::make_unique<CallSession>(
            parts_, ticket, lifeline_.guard([this](const CallOutcome& outcome) { on_session_ended(outcome); }));
        auto& started = *session;
        calls_.emplace(ticket.job_id, std::move(session));
        if (const auto user = user_of(ticket.metadata); users_.counts(user)) {
            places_.emplace(ticket.job_id, user);
            if (ticket.resumed) renew_places();  // its process was away for a while
        }
        rooms_[ticket.job_id] = ticket.room;
        carry();
        recovery_->on_call();
        started.start();
    }

    void stop(const std::string& job_id, const std::string& reason) override {
        if (const auto found = calls_.find(job_id); found != calls_.end()) found->second->end(true, reason);
    }

    void stop_all(const std::string& reason) override {
        for (auto& [id, session] : calls_) session->end(true, reason);
    }

    void say_goodbye(const std::string& job_id, const std::string& words, const std::string& reason) override {
        if (const auto found = calls_.find(job_id); found != calls_.end()) found->second->say_goodbye(words, reason);
    }

    int active() const override { return static_cast<int>(calls_.size()); }

 private:
    void renew_places() {
        std::vector<store::Lease> held;
        for (const auto& [job, user] : places_) held.push_back({job, user});
        users_.renew(std::move(held));
    }

    void carry() {
        if (rooms_.empty() || parts_.carrier.empty()) return;
        std::vector<std::pair<std::string, std::string>> carried;
        for (const auto& [job, room] : rooms_) carried.emplace_back(room, job);
        parts_.store.run<void>(
            [carried = std::move(carried), carrier = parts_.carrier, until = std::chrono::system_clock::now() + kCarryLife](store::Store& open) {
                return open.carry(carried, carrier, until);
            },
            [](const Result<void>& done) {
                if (!done) log::warn("agent", "not stored who carries the calls", {{"error", done.error().message}});
            });
    }

    void on_session_ended(const CallOutcome& outcome) {
        rooms_.erase(outcome.job_id);
        // The session is our caller: it goes once it has returned. Who hears of the end may dispatch the same user at once.
        auto tell = lifeline_.guard([this, outcome] {
            calls_.erase(outcome.job_id);
            if (on_ended) on_ended(outcome);
        });
        if (places_.erase(outcome.job_id) > 0) users_.give_back(outcome.job_id, std::move(tell));
        else parts_.loop.post(std::move(tell));
    }

    HostParts parts_;
    std::unique_ptr<SpanExporter> exporter_;
    std::unique_ptr<Recovery> recovery_;
    UserCap users_;
    std::map<std::string, std::string> places_;  // job → its user
    std::map<std::string, std::string> rooms_;   // job → its room, of all calls
    Timer renewal_;
    std::map<std::string, std::unique_ptr<CallSession>> calls_;
    Lifeline lifeline_;
};

/// A stage's options, from which what is wrong is taken away: a provider names only its first fault.
class Options {
 public:
    explicit Options(nlohmann::json options) : options_(std::move(options)) {}
    const nlohmann::json& left() const { return options_; }

    /// "rules[1].match" as the file counts the rules, also when one before it was taken away.
    std::string key_in_file(const std::string& key) const {
        const auto [list, index, rest] = parts(key);
        if (!index) return key;
        auto place = *index;
        if (const auto gone = gone_.find(list); gone != gone_.end())
            for (const auto one : gone->second) place += one <= place ? 1 : 0;
        return fmt::format("{}[{}]{}", list, place, rest);
    }
    /// False when nothing is there that could be taken away: the next fault would be the same.
    bool take_away(const std::string& key) {
        const auto [list, index, rest] = parts(key);
        if (list == "provider" || !options_.is_object() || !options_.contains(list)) return false;
        auto& value = options_[list];
        if (!index || !value.is_array() || *index >= value.size() || value.size() == 1) return options_.erase(list) == 1;
        const auto in_file = *parts(key_in_file(key)).index;
        gone_[list].insert(in_file);
        value.erase(*index);
        return true;
    }

 private:
    struct Parts {
        std::string list;
        std::optional<std::size_t> index;
        std::string rest;
    };
    static Parts parts(const std::string& key) {
        const auto open = key.find('['), close = key.find(']');
        if (open == std::string::npos || close == std::string::npos || close < open) return {key.substr(0, key.find('.')), {}, {}};
        return {key.substr(0, open), std::strtoul(key.c_str() + open + 1, nullptr, 10), key.substr(close + 1)};
    }
    nlohmann::json options_;
    std::map<std::string, std::set<std::size_t>> gone_;
};

template<class T>
using Build = speech::Built<T> (*)(const nlohmann::json&, const speech::ProviderContext&);

template<class T>
void take_one(Build<T> build, const nlohmann::json& given, const std::string& stage, const LoadedConfig& loaded, const speech::ProviderContext& context,
              Choices<T>& out, ConfigFaults& faults) {
    if (!loaded.faults.empty() && (!given.is_object() || !given.contains("provider"))) return;  // told already
    constexpr std::size_t kMost = 20;
    Options options(given);
    std::set<std::string> told;
    while (told.size() < kMost) {
        auto built = build(options.left(), context);
        if (built && told.empty()) out.add(std::move(*built), payee_of(given));
        if (built) return;
        const auto& fault = built.error();
        const auto named = options.key_in_file(fault.key);
        const auto key = named.empty() ? stage : fmt::format("{}{}{}", stage, named.starts_with('[') ? "" : ".", named);
        // What was taken away may be missed now: that is no fault of the file.
        if (told.contains(key) || (!told.empty() && named.empty())) return;
        told.insert(key);
        faults.push_back(loaded.fault_at(key, fault.message, fault.hint));
        if (!options.take_away(fault.key)) return;
    }
}

/// A provider, or a list of them.
template<class T>
void take(Build<T> build, const nlohmann::json& given, const std::string& stage, const LoadedConfig& loaded, const speech::ProviderContext& context,
          Choices<T>& out, ConfigFaults& faults) {
    if (!given.is_array()) return take_one(build, given, stage, loaded, context, out, faults);
    auto its = context;
    for (std::size_t i = 0; i < given.size(); ++i) {
        its.followed = i + 1 < given.size();
        take_one(build, given[i], fmt::format("{}[{}]", stage, i), loaded, its, out, faults);
    }
}

/// What each voice changes in `tts`.
void take_voices(const std::map<std::string, nlohmann::json>& voices, const nlohmann::json& tts, const std::string& path, const LoadedConfig& loaded,
                 const speech::ProviderContext& context, StageSet& out, ConfigFaults& faults) {
    for (const auto& [name, change] : voices) {
        take<speech::TextToSpeech>(&speech::build_tts, voice_options(tts, change), path + "." + name, loaded, context, out.voices[name], faults);
    }
}

void take_languages(const LoadedConfig& loaded, const speech::ProviderContext& context, Stages& out, ConfigFaults& faults) {
    for (const auto& [tag, language] : loaded.config.languages) {
        auto& set = out.languages[tag];
        const auto path = "languages." + language.tag;
        if (!language.stt.is_null()) take<speech::SpeechToText>(&speech::build_stt, language.stt, path + ".stt", loaded, context, set.stt, faults);
        if (!language.llm.is_null()) take<speech::LanguageModel>(&speech::build_llm, language.llm, path + ".llm", loaded, context, set.llm, faults);
        if (!language.tts.is_null()) take<speech::TextToSpeech>(&speech::build_tts, language.tts, path + ".tts", loaded, context, set.tts, faults);
        take_voices(language.voices, language.tts.is_null() ? loaded.config.tts : language.tts, path + ".voices", loaded, context, set, faults);
    }
}

void take_tools(const LoadedConfig& loaded, const speech::ProviderContext& context, Stages& out, ConfigFaults& faults) {
    auto box = Toolbox::build(loaded.config.tools, context);
    if (box) out.tools = std::move(*box);
    else
        for (const auto& fault : box.error()) faults.push_back(loaded.fault_at(fault.key, fault.message, fault.hint));
}

/// Who apologises when the voice itself fails: what the file says, else flite, where there is one.
void take_apology(const LoadedConfig& loaded, const speech::ProviderContext& context, Stages& out, ConfigFaults& faults) {
    const auto& given = loaded.config.trouble.tts;
    if (!given.is_null()) return take<speech::TextToSpeech>(&speech::build_tts, given, "trouble.tts", loaded, context, out.apology, faults);
    if (auto flite = speech::build_tts({{"provider", "flite"}}, context)) out.apology.add(std::move(*flite), {.provider = "flite"});
}

}  // namespace

std::expected<Stages, ConfigFaults> build_stages(const LoadedConfig& loaded, const speech::ProviderContext& context) {
    Stages stages;
    ConfigFaults faults;
    take<speech::SpeechToText>(&speech::build_stt, loaded.config.stt, "stt", loaded, context, stages.stt, faults);
    take<speech::LanguageModel>(&speech::build_llm, loaded.config.llm, "llm", loaded, context, stages.llm, faults);
    take<speech::TextToSpeech>(&speech::build_tts, loaded.config.tts, "tts", loaded, context, stages.tts, faults);
    Choices<speech::VoiceModel> vad;
    take<speech::VoiceModel>(&speech::build_vad, loaded.config.turn.vad, "turn.vad", loaded, context, vad, faults);
    stages.vad = vad.release();
    take_apology(loaded, context, stages, faults);
    take_voices(loaded.config.voices, loaded.config.tts, "voices", loaded, context, stages, faults);
    take_languages(loaded, context, stages, faults);
    if (auto backend = PromptBackend::build(loaded.config, context)) stages.prompts = std::move(*backend);
    else faults.push_back(loaded.fault_at(backend.error().key, backend.error().message, backend.error().hint));
    if (auto traces = OtlpTarget::find(loaded.config, context)) stages.traces = std::move(*traces);
    else faults.push_back(loaded.fault_at(traces.error().key, traces.error().message, traces.error().hint));
    take_tools(loaded, context, stages, faults);
    if (!faults.empty()) return std::unexpected(std::move(faults));
    if (const auto& languages = loaded.config.turn.text_rules; !languages.empty()) stages.judge = make_text_rules(languages);
    return stages;
}

std::unique_ptr<CallHost> make_call_host(HostParts parts) { return std::make_unique<LocalCallHost>(std::move(parts)); }

}  // namespace voicectl::agent
