// A session as the session commands show it.
#pragma once

#include "commands/output.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {

std::string session_heading(const store::Session& session);

}  // namespace voicectl::commands
