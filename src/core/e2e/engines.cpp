#include "engines.h"

namespace voicectl::e2e {
namespace {

template<class T>
Result<std::unique_ptr<T>> usable(speech::Built<T> built, const char* what) {
    if (built) return std::move(*built);
    return fail_with_hint(Errc::Missing, fmt::format("{}: {}", what, built.error().message), built.error().hint);
}

}  // namespace

Result<Engines> build_engines(const std::string& voice, const speech::ProviderContext& context) {
    Engines engines;
    VC_TRY_ASSIGN(engines.voice, usable(speech::build_tts({{"provider", "flite"}, {"voice", voice}}, context), "the caller's voice"));
    VC_TRY_ASSIGN(engines.ear, usable(speech::build_stt({{"provider", "pocketsphinx"}}, context), "the caller's recogniser"));
    VC_TRY_ASSIGN(engines.pronunciations, speech::Pronunciations::load());
    return engines;
}

}  // namespace voicectl::e2e
