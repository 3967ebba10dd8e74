// Leaks of libraries that are not ours, in a scope where they are known; elsewhere the sanitizer goes on looking.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace voicectl::test {

struct LeaksForgiven {
#if defined(__SANITIZE_ADDRESS__)
    LeaksForgiven() { __lsan_disable(); }
    ~LeaksForgiven() { __lsan_enable(); }
#else
    LeaksForgiven() {}
    ~LeaksForgiven() {}
#endif
    LeaksForgiven(const LeaksForgiven&) = delete;
    LeaksForgiven& operator=(const LeaksForgiven&) = delete;
};

}  // namespace voicectl::test
