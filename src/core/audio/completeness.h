// Does an audio file end where it should? Decoders read what is there and say nothing. Any thread.
#pragma once

#include <string>

#include "voicectl/audio/file.h"

namespace voicectl::audio {

/// Why the file looks cut off, given how many frames could be read; empty: it looks whole.
std::string why_incomplete(const std::string& path, const FileInfo& info, std::int64_t frames);

}  // namespace voicectl::audio
