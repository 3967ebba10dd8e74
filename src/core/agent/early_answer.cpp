#include "early_answer.h"

#include <utility>

#include "voicectl/speech/compare.h"

namespace voicectl::agent {
namespace {

// What is thrown away costs money: as many tries in a turn, and none in a long speech, whose pauses are many.
constexpr int kTries = 3;
constexpr std::chrono::seconds kLongestSpeech{10};

}  // namespace

void EarlyAnswer::on_pause(const std::string& text, std::chrono::milliseconds spoken, std::size_t history) {
    on_words(text);
    auto words = speech::to_words(text);
    if (begun_ || words.empty() || spoken > kLongestSpeech || tries_ >= kTries) return;
    ++tries_;
    begun_ = Begun{std::move(words), history, handlers_.start(text)};
}

void EarlyAnswer::on_words(const std::string& text) {
    if (begun_ && begun_->words != speech::to_words(text)) drop();
}

std::unique_ptr<Reply> EarlyAnswer::take(const std::string& text, std::size_t history) {
    on_words(text);
    if (begun_ && (begun_->history != history || begun_->reply->failed())) drop();
    if (!begun_) return nullptr;
    auto reply = std::move(begun_->reply);
    begun_.reset();
    handlers_.on_decided(true);
    return reply;
}

void EarlyAnswer::drop() {
    if (!begun_) return;
    begun_.reset();
    handlers_.on_decided(false);
}

void EarlyAnswer::end_turn() {
    drop();
    tries_ = 0;
}

}  // namespace voicectl::agent
