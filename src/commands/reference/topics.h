// Texts of `voicectl help TOPIC`, which the man pages repeat.
#pragma once

#include <string>
#include <vector>

namespace voicectl::commands {

struct Topic {
    const char* name;
    const char* summary;
    const char* text;
};

const std::vector<Topic>& topics();
/// Null when there is none of that name.
const Topic* topic(const std::string& name);

}  // namespace voicectl::commands
