// The first choice of a stage and what stands in for it. A chain belongs to one call and looks like one provider;
// what all calls of the process know of a provider (its Breaker) is shared. One loop.
//
// Within a request: who fails before anything was used is followed by the next at once. Within a call: `strikes`
// failures, and the chain has moved on for good (requirement E8), unless `recover` brings the first choice back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/speech/breaker.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

struct ChainRules {
    int strikes = 3;
    bool recover = false;  // a provider whose breaker closes again is asked again, struck out or not
};

/// A failure that somebody else stood in for; or, with `to` empty, nobody was left.
struct Moved {
    std::string from, to;
    Error reason;
    bool for_good = false;
};
using OnMoved = std::function<void(const Moved&)>;

/// What a chain knows of each of its providers within one call.
class Standing {
 public:
    Standing(std::vector<std::string> names, std::vector<Breaker*> breakers, ChainRules rules, OnMoved on_moved)
        : names_(std::move(names)), breakers_(std::move(breakers)), strikes_(names_.size()), rules_(rules), on_moved_(std::move(on_moved)) {}

    /// The next one to ask, from `from` on; size(): nobody. Where all that are left are held back by their breakers, the
    /// last of them is asked all the same: better a try than no answer.
    std::size_t next(std::size_t from, TimePoint now);
    /// An earlier choice that may be asked again, or `which` itself: for streams that last longer than a request.
    std::size_t before(std::size_t which, TimePoint now);
    void succeeded(std::size_t which, TimePoint asked, TimePoint first_result);
    /// Tells on_moved; `to`: who is asked next, size() for nobody.
    void failed(std::size_t which, const Error& error, TimePoint now, std::size_t to);
    void unknown(std::size_t which) { breakers_[which]->unknown(); }
    std::size_t size() const { return names_.size(); }

 private:
    bool struck_out(std::size_t which, TimePoint now) const;
    std::vector<std::string> names_;
    std::vector<Breaker*> breakers_;
    std::vector<int> strikes_;
    ChainRules rules_;
    OnMoved on_moved_;
};

/// Audio of the current utterance is kept (60 s at most) and given to who stands in, so that no word is lost. Between utterances
/// an earlier choice is tried again, as long as it is not struck out.
std::unique_ptr<SpeechToText> chain_stt(std::vector<SpeechToText*> engines, std::shared_ptr<Standing> standing);

/// A model that breaks off in mid-answer is followed by the next, which is shown what was said and asked for the rest.
std::unique_ptr<LanguageModel> chain_llm(std::vector<LanguageModel*> engines, std::shared_ptr<Standing> standing);

/// A voice that breaks off in mid-sentence is followed by the next from the word on at which it broke: at a pause of the
/// sound near where that word should be, for few voices tell which word they are at. `rate_hz()` is the highest of all.
std::unique_ptr<TextToSpeech> chain_tts(std::vector<TextToSpeech*> engines, std::shared_ptr<Standing> standing);

/// The same voice at another rate. `voice` outlives it.
std::unique_ptr<TextToSpeech> at_rate(TextToSpeech& voice, int rate_hz);

}  // namespace voicectl::speech
