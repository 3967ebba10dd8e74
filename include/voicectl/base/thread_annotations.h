// Clang's thread-safety annotations (checked with -Wthread-safety by clang 19 or newer; empty elsewhere).
#pragma once

#if defined(__clang__)
#define VC_ATTRIBUTE(x) __attribute__((x))
#else
#define VC_ATTRIBUTE(x)
#endif

#define VC_CAPABILITY(name) VC_ATTRIBUTE(capability(name))
#define VC_GUARDED_BY(x) VC_ATTRIBUTE(guarded_by(x))
#define VC_RUN_ON(x) VC_ATTRIBUTE(requires_capability(x))
#define VC_ASSERT_CAPABILITY(x) VC_ATTRIBUTE(assert_capability(x))
