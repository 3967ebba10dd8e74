// Text to speech for engines that block: a text is spoken piece by piece on a queue of workers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/speech/outlet.h"
#include "voicectl/base/workers.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// On a worker: sends the sound of one piece to the outlet; returns early when the outlet is closed.
using SayPiece = std::function<Result<void>(const std::string& piece, Outlet<TtsSink>& outlet)>;

/// Each piece is a task of its own, put in line again after the one before, so that the first words of
/// another text wait for one sentence and not for all of this one.
std::unique_ptr<TtsStream> speak_piecewise(const std::shared_ptr<SerialQueue>& queue, Loop& loop,
                                           std::vector<std::string> pieces, SayPiece say, TtsSink sink);

}  // namespace voicectl::speech
