// A library loaded when first needed (dlopen), so that commands which do not need it start without it.
// Never unloaded: libraries with threads of their own do not survive that.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl {

class SharedLibrary {
 public:
    /// Tries each name in turn. `hint` says what to install when none is there (Errc::Missing).
    static Result<SharedLibrary> open(const std::vector<std::string>& names, const std::string& hint);

    /// `auto* init = library.symbol<decltype(&curl_global_init)>("curl_global_init")`, or Errc::Missing.
    template<class Pointer>
    Result<Pointer> symbol(const char* name) const {
        auto address = find(name);
        if (!address) return std::unexpected(std::move(address).error());
        return reinterpret_cast<Pointer>(*address);
    }
    const std::string& name() const { return name_; }

 private:
    SharedLibrary(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
    Result<void*> find(const char* name) const;
    void* handle_;
    std::string name_;
};

}  // namespace voicectl
