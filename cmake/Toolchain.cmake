set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Line numbers are enough to find one's way, and half the time of a build.
set(CMAKE_CXX_FLAGS_DEBUG "-g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG")
if(VC_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")  # with assertions
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

# Several sources of a target are compiled as one, which halves a clean build: what templates cost is paid once.
# Names in unnamed namespaces must therefore differ within a layer. Off for who changes one file over and over.
option(VC_UNITY "Compile up to sixteen sources of a target as one" ON)
set(CMAKE_UNITY_BUILD ${VC_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)
if(VC_UNITY)
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)  # takes a source that is included for a header
endif()

# On every target of ours; generated code is exempt (Schema.cmake).
add_library(vc_options INTERFACE)
target_compile_options(vc_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
  -Wimplicit-fallthrough -Woverloaded-virtual
  -Wno-missing-field-initializers)  # designated initializers leave out what keeps its default
# GCC 12 sees overruns inside std::expected, and overlaps in "a" + string, that are not there, once it optimises.
target_compile_options(vc_options INTERFACE $<$<CONFIG:Release>:-Wno-array-bounds -Wno-restrict>)
if(VC_WERROR)
  target_compile_options(vc_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(vc_options INTERFACE -Wthread-safety)
endif()
target_compile_definitions(vc_options INTERFACE VOICECTL_VERSION="${PROJECT_VERSION}")

add_compile_options(-fstack-protector-strong -fno-plt)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(VC_SANITIZE)
  add_compile_options(-fsanitize=${VC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VC_SANITIZE})
  # Mixed old and new GCC false alarms inside the standard library under instrumentation.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
add_link_options(-Wl,--as-needed)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # What nobody calls is not loaded; and addresses are relocated in a tenth of the space.
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(-Wl,--gc-sections -Wl,-z,pack-relative-relocs)
endif()
