#include "core/speech/sherpa/library.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>

#include "voicectl/base/process.h"
#include "voicectl/base/shared_library.h"

namespace voicectl::speech::sherpa {
namespace {

constexpr const char* kFile = "libsherpa-onnx-c-api.so";
constexpr const char* kVariable = "VOICECTL_SHERPA_ONNX";
constexpr const char* kSherpaHint =
    "./scripts/setup fetches it; else install the Python wheel sherpa-onnx-core " VC_SHERPA_VERSION
    " and name its sherpa_onnx/lib/libsherpa-onnx-c-api.so in VOICECTL_SHERPA_ONNX or as `library`";

std::vector<std::string> places(const std::string& path) {
    if (!path.empty()) return {path};
    if (const char* variable = std::getenv(kVariable); variable != nullptr && *variable != '\0') return {variable};
    const auto folder = std::filesystem::path(own_executable()).parent_path();
    return {folder / kFile, folder.parent_path() / "lib" / "voicectl" / kFile, kFile};
}

Result<std::unique_ptr<const Library>> load(const std::string& path) {
    VC_TRY_ASSIGN(const auto shared, SharedLibrary::open(places(path), kSherpaHint));
    VC_TRY_ASSIGN(const auto version, shared.symbol<decltype(&SherpaOnnxGetVersionStr)>("SherpaOnnxGetVersionStr"));
    if (std::string_view(version()) != VC_SHERPA_VERSION)
        return fail_with_hint(Errc::Missing,
                              fmt::format("{} is sherpa-onnx {}, and {} is needed", shared.name(), version(), VC_SHERPA_VERSION),
                              kSherpaHint);
    auto library = std::make_unique<Library>();
    VC_TRY(shared.find_all({{"SherpaOnnxCreateVoiceActivityDetector", &library->create_vad},
                            {"SherpaOnnxDestroyVoiceActivityDetector", &library->destroy_vad},
                            {"SherpaOnnxVoiceActivityDetectorAcceptWaveform", &library->vad_accept},
                            {"SherpaOnnxVoiceActivityDetectorDetected", &library->vad_detected},
                            {"SherpaOnnxVoiceActivityDetectorClear", &library->vad_clear},
                            {"SherpaOnnxVoiceActivityDetectorReset", &library->vad_reset},
                            {"SherpaOnnxCreateOnlineRecognizer", &library->create_recogniser},
                            {"SherpaOnnxDestroyOnlineRecognizer", &library->destroy_recogniser},
                            {"SherpaOnnxCreateOnlineStream", &library->create_stream},
                            {"SherpaOnnxDestroyOnlineStream", &library->destroy_stream},
                            {"SherpaOnnxOnlineStreamAcceptWaveform", &library->stream_accept},
                            {"SherpaOnnxOnlineStreamInputFinished", &library->stream_finished},
                            {"SherpaOnnxIsOnlineStreamReady", &library->stream_ready},
                            {"SherpaOnnxDecodeOnlineStream", &library->decode},
                            {"SherpaOnnxGetOnlineStreamResult", &library->result},
                            {"SherpaOnnxDestroyOnlineRecognizerResult", &library->destroy_result},
                            {"SherpaOnnxCreateOfflineTts", &library->create_voice},
                            {"SherpaOnnxDestroyOfflineTts", &library->destroy_voice},
                            {"SherpaOnnxOfflineTtsSampleRate", &library->voice_rate},
                            {"SherpaOnnxOfflineTtsNumSpeakers", &library->voice_speakers},
                            {"SherpaOnnxOfflineTtsGenerateWithConfig", &library->generate},
                            {"SherpaOnnxDestroyOfflineTtsGeneratedAudio", &library->destroy_audio}}));
    return library;
}

}  // namespace

Result<const Library*> Library::get(const std::string& path) {
    static std::mutex mutex;
    static const Library* library = nullptr;  // never freed: models that are static themselves need it to their end
    std::lock_guard lock(mutex);
    if (library == nullptr) {
        VC_TRY_ASSIGN(auto loaded, load(path));
        library = loaded.release();
    }
    return library;
}

}  // namespace voicectl::speech::sherpa
