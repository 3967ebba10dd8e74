// How much of a conversation the model is shown. Pure; any thread.
#pragma once

#include <vector>

#include "voicectl/agent/config.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

inline constexpr std::size_t kBytesOfToken = 4;  // what English text comes to, near enough for a guess

/// Bytes that a model is given.
std::size_t size_of(const speech::ChatMessage& message);

/// Drops the oldest messages until the rest fits; what the system says at the start stays, and so does the last message. What tools gave
/// does not stay without the message that called them.
void trim_history(std::vector<speech::ChatMessage>& history, const HistoryLimits& limits);

}  // namespace voicectl::agent
