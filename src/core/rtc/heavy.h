// As core/livekit/heavy.h, for what talks to LiveKit's core.
#pragma once

#include <fmt/format.h>

#include "core/rtc/room_impl.h"
#include "voicectl/base/log.h"
