// What an ONNX file says of itself, read without running it: sherpa-onnx ends the whole process over files that are no
// models, or lack what it wants to know, so they are looked at before. Blocking; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::speech::sherpa {

/// The model's own notes (`metadata_props`). NotFound; Config: no ONNX model, or one that is cut off.
Result<std::map<std::string, std::string>> read_onnx_notes(const std::string& path);

/// Config for the first of `keys` that the model does not tell.
Result<void> check_onnx(const std::string& path, const std::vector<std::string>& keys);

/// A list of symbols: lines of a symbol and its number. NotFound, Config.
Result<void> check_tokens(const std::string& path);

}  // namespace voicectl::speech::sherpa
