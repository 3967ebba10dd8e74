// An answer begun while it is not yet sure that the caller has finished: the model (and, if wanted, the voice) works
// while the end-of-turn delay runs. Taken when the turn turns out to be what was answered, else thrown away. Nothing of
// it is heard or stored before. Owned by the call; lives on the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reply.h"

namespace voicectl::agent {

class EarlyAnswer {
 public:
    struct Handlers {
        /// Starts an answer to `text`, held.
        std::function<std::unique_ptr<Reply>(const std::string& text)> start;
        /// One was taken, or thrown away (what it has used until then is paid for all the same).
        std::function<void(bool used)> on_decided;
    };
    explicit EarlyAnswer(Handlers handlers) : handlers_(std::move(handlers)) {}

    /// The caller pauses. `history`: how long the conversation is that an answer would be based on.
    void on_pause(const std::string& text, std::chrono::milliseconds spoken, std::size_t history);
    /// The words so far have changed: an answer to others is worth nothing.
    void on_words(const std::string& text);
    /// The turn is decided: its answer, or null when none was begun, another was, or it failed.
    std::unique_ptr<Reply> take(const std::string& text, std::size_t history);
    void drop();
    /// A new turn has all tries again.
    void end_turn();

 private:
    struct Begun {
        std::vector<std::string> words;
        std::size_t history;
        std::unique_ptr<Reply> reply;
    };
    Handlers handlers_;
    std::optional<Begun> begun_;
    int tries_ = 0;  // in this turn
};

}  // namespace voicectl::agent
