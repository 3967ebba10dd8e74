// libsndfile, soxr and webrtc-audio-processing, loaded when sound is first touched: with what they bring along they are
// ten libraries, a millisecond and 2 MB of every command that has nothing to do with sound. Any thread.
#pragma once

#include <sndfile.h>
#include <soxr.h>

#include "voicectl/base/result.h"

namespace webrtc {
class AudioProcessing;
}

namespace voicectl::audio {

struct Sndfile {
    decltype(&sf_open) open;
    decltype(&sf_open_virtual) open_virtual;
    decltype(&sf_close) close;
    decltype(&sf_read_float) read_float;
    decltype(&sf_write_float) write_float;
    decltype(&sf_write_short) write_short;
    decltype(&sf_seek) seek;
    decltype(&sf_command) command;
    decltype(&sf_error) error;
    decltype(&sf_strerror) strerror;
    decltype(&sf_error_number) error_number;
    decltype(&sf_version_string) version_string;
};
/// Missing when it is not installed.
Result<const Sndfile*> sndfile();

struct Soxr {
    decltype(&soxr_create) create;
    decltype(&soxr_delete) destroy;
    decltype(&soxr_process) process;
    decltype(&soxr_clear) clear;
    decltype(&soxr_io_spec) io_spec;
    decltype(&soxr_quality_spec) quality_spec;
    decltype(&soxr_runtime_spec) runtime_spec;
};
/// Throws std::runtime_error when it is not installed.
const Soxr& loaded_soxr();

/// webrtc::AudioProcessing::Create(); the caller owns it. Throws std::runtime_error when the library is not installed.
webrtc::AudioProcessing* new_audio_processing();

}  // namespace voicectl::audio
