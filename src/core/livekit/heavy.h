// The headers that cost most, read once for a layer and not for each of its files (cmake/Layer.cmake). Included by
// nobody. A file of its own and not a list in CMake, which keeps the old precompiled header when only its list changes.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "voicectl/livekit/api.h"
