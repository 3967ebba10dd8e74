#include "voicectl/transcript/save.h"

#include <array>

namespace voicectl::transcript {
namespace {

bool may_pass(Errc code) { return code == Errc::Timeout || code == Errc::Unreachable || code == Errc::Io; }

}  // namespace

Result<store::Call> with_retries(const Attempt& attempt, const Wait& wait) {
    using namespace std::chrono_literals;
    auto saved = attempt();
    for (const auto pause : std::array{500ms, 2000ms}) {
        if (saved || !may_pass(saved.error().code)) return saved;
        VC_TRY(wait(pause));
        saved = attempt();
    }
    return saved;
}

Result<store::Call> save_with_retries(store::Store& store, const store::Call& call, const std::vector<store::Turn>& turns, const Wait& wait) {
    return with_retries([&] { return store.save_transcript(call, turns); }, wait);
}

}  // namespace voicectl::transcript
