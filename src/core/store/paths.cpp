#include <pwd.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "voicectl/store/store.h"

namespace voicectl::store {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::string home() {
    if (auto given = variable("HOME"); !given.empty()) return given;
    // Services are often started without HOME.
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_dir;
    return "/";
}

}  // namespace

std::string state_folder() {
    auto state = variable("XDG_STATE_HOME");
    // The XDG specification: a path that is not absolute is to be ignored.
    if (!state.starts_with('/')) state = home() + "/.local/state";
    return state + "/voicectl";
}

std::string default_path() {
    if (auto given = variable("VOICECTL_STORE"); !given.empty()) return given;
    return state_folder() + "/voicectl.db";
}

std::string library_version() { return sqlite3_libversion(); }

}  // namespace voicectl::store
