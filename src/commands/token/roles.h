// Token roles: the least that each kind of participant or operator needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "voicectl/livekit/token.h"

namespace voicectl::commands {

/// "caller", "publisher", "agent", "observer", "recorder", "admin", as --role takes them.
const std::vector<std::string>& token_roles();

/// Sets what the role needs; `role` is one of token_roles().
void apply_role(std::string_view role, livekit::Claims& claims);

}  // namespace voicectl::commands
