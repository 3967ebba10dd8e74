// sherpa-onnx's C interface, loaded when a model is first wanted. Its structures change with its releases, so only
// the release whose header we were built with is accepted.
#pragma once

#include <sherpa-onnx/c-api/c-api.h>

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::speech::sherpa {

struct Library {
    decltype(&SherpaOnnxCreateVoiceActivityDetector) create_vad = nullptr;
    decltype(&SherpaOnnxDestroyVoiceActivityDetector) destroy_vad = nullptr;
    decltype(&SherpaOnnxVoiceActivityDetectorAcceptWaveform) vad_accept = nullptr;
    decltype(&SherpaOnnxVoiceActivityDetectorDetected) vad_detected = nullptr;
    decltype(&SherpaOnnxVoiceActivityDetectorClear) vad_clear = nullptr;
    decltype(&SherpaOnnxVoiceActivityDetectorReset) vad_reset = nullptr;

    decltype(&SherpaOnnxCreateOnlineRecognizer) create_recogniser = nullptr;
    decltype(&SherpaOnnxDestroyOnlineRecognizer) destroy_recogniser = nullptr;
    decltype(&SherpaOnnxCreateOnlineStream) create_stream = nullptr;
    decltype(&SherpaOnnxDestroyOnlineStream) destroy_stream = nullptr;
    decltype(&SherpaOnnxOnlineStreamAcceptWaveform) stream_accept = nullptr;
    decltype(&SherpaOnnxOnlineStreamInputFinished) stream_finished = nullptr;
    decltype(&SherpaOnnxIsOnlineStreamReady) stream_ready = nullptr;
    decltype(&SherpaOnnxDecodeOnlineStream) decode = nullptr;
    decltype(&SherpaOnnxGetOnlineStreamResult) result = nullptr;
    decltype(&SherpaOnnxDestroyOnlineRecognizerResult) destroy_result = nullptr;
    decltype(&SherpaOnnxCreateOfflineTts) create_voice = nullptr;
    decltype(&SherpaOnnxDestroyOfflineTts) destroy_voice = nullptr;
    decltype(&SherpaOnnxOfflineTtsSampleRate) voice_rate = nullptr;
    decltype(&SherpaOnnxOfflineTtsNumSpeakers) voice_speakers = nullptr;
    decltype(&SherpaOnnxOfflineTtsGenerateWithConfig) generate = nullptr;
    decltype(&SherpaOnnxDestroyOfflineTtsGeneratedAudio) destroy_audio = nullptr;

    /// `path` empty: $VOICECTL_SHERPA_ONNX, else beside the executable, in ../lib/voicectl, or where the system looks.
    /// Loaded once; later calls have the first path's.
    static Result<const Library*> get(const std::string& path);
};

}  // namespace voicectl::speech::sherpa
