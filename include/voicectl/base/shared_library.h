// A library loaded when first needed (dlopen), so that commands which do not need it start without it.
// Never unloaded: libraries with threads of their own do not survive that.
#pragma once

#include <initializer_list>
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
    /// Where the address of one function goes: {"sf_open", &library.open}.
    struct Slot {
        template<class Function>
        Slot(const char* slot_name, Function** slot_address) : name(slot_name), address(reinterpret_cast<void**>(slot_address)) {}
        const char* name;
        void** address;
    };
    /// All of them, or Errc::Missing for the first that is not there.
    Result<void> find_all(std::initializer_list<Slot> slots) const;

    const std::string& name() const { return name_; }

 private:
    SharedLibrary(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
    Result<void*> find(const char* name) const;
    void* handle_;
    std::string name_;
};

}  // namespace voicectl
