// The part of a call session that copes with providers that fail.
#include <nlohmann/json.hpp>

#include "call_session.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {

// Somebody stood in: the caller notices a pause at most, the operator is told.
void CallSession::on_moved(Stage stage, const speech::Moved& moved) {
    report("provider_error", {{"stage", to_text(stage)}, {"provider", moved.from}, {"next", moved.to}});
    record_->error(ms(parts_.loop.now()), to_text(stage), fmt::format("{}: {}", moved.from, moved.reason.message));
    log_.warn(moved.to.empty() ? "a provider failed, and there is no other" : moved.for_good ? "a provider is given up for this call" : "a provider failed, another one stands in",
              {{"stage", to_text(stage)}, {"provider", moved.from}, {"next", moved.to}, {"error", moved.reason.message}});
}

// Nobody could answer. A caller who is told so may try again; where that is in vain, or was twice, he is told goodbye.
void CallSession::apologise(const Error& error, bool voice_failed) {
    const auto& trouble = parts_.config.trouble;
    const bool all_tried = (voice_failed ? settings_.tts().all().size() : settings_.llm().all().size()) > 1;
    const bool last = all_tried || error.code == Errc::Auth || errors_in_a_row_ >= kErrorsToGiveUp;
    auto words = settings_.filled(last ? trouble.goodbye : trouble.say);
    if (voice_failed && apology_) voice_ = apology_.get();
    else if (voice_failed) words.clear();  // nobody is left who could say it
    if (last) return leave_failed("no answer could be made: " + error.message, words);
    if (words.empty()) return after_reply();
    apologising_ = true;
    last_words_ = words;
    say(words, /*interruptible=*/true);
}

// First the model failed, and now the voice that was to tell it.
void CallSession::say_by_stand_in() {
    voice_ = apology_.get();
    apologising_ = !leaving_;
    say(std::exchange(last_words_, {}), /*interruptible=*/!leaving_);
}

void CallSession::leave_failed(const std::string& reason, const std::string& words) {
    leaves_well_ = false;
    say_goodbye(words, reason);
}

void CallSession::on_silent_reply() {
    const char* const stage = reply_->waits_for();
    log_.error("nothing was heard of the agent for 5 s while it was speaking: what it was saying is given up", {{"waited_for", stage}});
    report("provider_error", {{"stage", stage}});
    record_->error(ms(parts_.loop.now()), stage, "nothing was heard for 5 s");
    reply_->cut();
    save_reply(/*interrupted=*/true, "nothing was heard for 5 s");
    reply_.reset();
    if (leaving_) return hang_up(*leaving_);
    if (++errors_in_a_row_ >= kErrorsToGiveUp) return end(false, "the agent could not be heard");
    after_reply();
}

}  // namespace voicectl::agent
