// Saving a transcript with second tries (requirement F8): twice more where the cause may pass.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "voicectl/store/store.h"

namespace voicectl::transcript {

/// Waits that long; an error ends it all.
using Wait = std::function<Result<void>(std::chrono::milliseconds)>;

using Attempt = std::function<Result<store::Call>()>;

/// `attempt`, and after 0.5 s and 2 s once more when the store was busy, out of reach or the disk full. Blocking.
Result<store::Call> with_retries(const Attempt& attempt, const Wait& wait);
/// Store::save_transcript() so.
Result<store::Call> save_with_retries(store::Store& store, const store::Call& call, const std::vector<store::Turn>& turns, const Wait& wait);

}  // namespace voicectl::transcript
