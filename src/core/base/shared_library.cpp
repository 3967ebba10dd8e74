#include "voicectl/base/shared_library.h"

#include <dlfcn.h>

namespace voicectl {

Result<SharedLibrary> SharedLibrary::open(const std::vector<std::string>& names, const std::string& hint) {
    std::string reason;
    for (const auto& name : names) {
        if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return SharedLibrary(handle, name);
        reason = dlerror();
    }
    return fail_with_hint(Errc::Missing, fmt::format("cannot load {}", reason), hint);
}

Result<void*> SharedLibrary::find(const char* name) const {
    if (void* address = dlsym(handle_, name)) return address;
    return fail(Errc::Missing, "{} has no function {}", name_, name);
}

Result<void> SharedLibrary::find_all(std::initializer_list<Slot> slots) const {
    for (const auto& slot : slots) {
        VC_TRY_ASSIGN(*slot.address, find(slot.name));
    }
    return {};
}

}  // namespace voicectl
