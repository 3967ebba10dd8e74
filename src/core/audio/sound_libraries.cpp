#include "sound_libraries.h"

#include <stdexcept>

#include "voicectl/base/shared_library.h"

namespace voicectl::audio {
namespace {

Result<Sndfile> load_sndfile() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libsndfile.so.1"}, "install it: apt-get install libsndfile1"));
    Sndfile sf{};
    VC_TRY(library.find_all({{"sf_open", &sf.open},
                             {"sf_open_virtual", &sf.open_virtual},
                             {"sf_close", &sf.close},
                             {"sf_read_float", &sf.read_float},
                             {"sf_write_float", &sf.write_float},
                             {"sf_write_short", &sf.write_short},
                             {"sf_seek", &sf.seek},
                             {"sf_command", &sf.command},
                             {"sf_error", &sf.error},
                             {"sf_strerror", &sf.strerror},
                             {"sf_error_number", &sf.error_number},
                             {"sf_version_string", &sf.version_string}}));
    return sf;
}

Result<Soxr> load_soxr() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libsoxr.so.0"}, "install it: apt-get install libsoxr0"));
    Soxr soxr{};
    VC_TRY(library.find_all({{"soxr_create", &soxr.create},
                             {"soxr_delete", &soxr.destroy},
                             {"soxr_process", &soxr.process},
                             {"soxr_clear", &soxr.clear},
                             {"soxr_io_spec", &soxr.io_spec},
                             {"soxr_quality_spec", &soxr.quality_spec},
                             {"soxr_runtime_spec", &soxr.runtime_spec}}));
    return soxr;
}

using NewAudioProcessing = webrtc::AudioProcessing* (*)();
Result<NewAudioProcessing> load_audio_processing() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libwebrtc_audio_processing.so.1"},
                                                          "install it: apt-get install libwebrtc-audio-processing1"));
    return library.symbol<NewAudioProcessing>("_ZN6webrtc15AudioProcessing6CreateEv");
}

// For the few places that have no way to give an error back, and no package of ours installs without these libraries.
template<class T>
const T& or_throw(const Result<T>& loaded) {
    if (!loaded) throw std::runtime_error(loaded.error().message + " (" + loaded.error().hint + ")");
    return *loaded;
}

}  // namespace

Result<const Sndfile*> sndfile() {
    static const auto library = load_sndfile();
    if (!library) return std::unexpected(library.error());
    return &*library;
}

const Soxr& loaded_soxr() {
    static const auto library = load_soxr();
    return or_throw(library);
}

webrtc::AudioProcessing* new_audio_processing() {
    static const auto create = load_audio_processing();
    return or_throw(create)();
}

}  // namespace voicectl::audio
