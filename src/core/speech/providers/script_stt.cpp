// A recogniser for load tests, benchmarks and demos: whatever the caller says, it hears the next line of the
// configuration. What is silent stays silent, so that turns are the caller's.
#include <nlohmann/json.hpp>

#include "core/speech/options.h"
#include "core/speech/providers/all.h"
#include "voicectl/audio/pcm.h"

namespace voicectl::speech {
namespace {

constexpr double kAudibleDbfs = -45;

/// Lives on its loop.
class PreparedWords final : public SttStream {
 public:
    PreparedWords(Loop& loop, std::shared_ptr<const std::vector<std::string>> lines, SttSink sink)
        : loop_(loop), lines_(std::move(lines)), sink_(std::make_shared<SttSink>(std::move(sink))) {}

    void push(audio::SampleView samples) override { heard_ = heard_ || audio::measure(samples).rms_dbfs > kAudibleDbfs; }

    void end_utterance() override {
        const auto text = so_far();
        if (std::exchange(heard_, false)) ++next_;
        tell([text](const SttSink& sink) { sink.on_final(text); });
    }

    bool tell_so_far() override {
        if (!heard_ || !sink_->on_partial) return false;
        tell([text = so_far()](const SttSink& sink) { sink.on_partial(text); });
        return true;
    }

 private:
    std::string so_far() const { return heard_ ? (*lines_)[next_ % lines_->size()] : std::string(); }

    template<class F>
    void tell(F report) {
        // The sink is held for the call, which may drop the stream.
        loop_.post(lifeline_.guard([sink = sink_, report = std::move(report)] { report(*sink); }));
    }

    Loop& loop_;
    std::shared_ptr<const std::vector<std::string>> lines_;
    std::shared_ptr<SttSink> sink_;
    std::size_t next_ = 0;
    bool heard_ = false;  // something, since the last end of an utterance
    Lifeline lifeline_;   // last: dies first
};

class ScriptedEars final : public SpeechToText {
 public:
    explicit ScriptedEars(std::vector<std::string> lines) : lines_(std::make_shared<const std::vector<std::string>>(std::move(lines))) {}

    std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) override { return std::make_unique<PreparedWords>(loop, lines_, std::move(sink)); }

 private:
    std::shared_ptr<const std::vector<std::string>> lines_;
};

Built<SpeechToText> build_script_stt(const nlohmann::json& options, const ProviderContext&) {
    OptionReader reader(options);
    auto lines = reader.texts("lines");
    if (lines.empty()) reader.fault("lines", "missing: what the caller is taken to say, a line for each turn", "for example: lines: [what are your opening hours]");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    return std::make_unique<ScriptedEars>(std::move(lines));
}

}  // namespace

const Provider<SpeechToText> kScriptStt{"script", "hears the lines of the configuration in turn, for load tests, offline", &build_script_stt};

}  // namespace voicectl::speech
