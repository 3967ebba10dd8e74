# vc_layer(NAME [LINK targets...] [PRIVATE_LINK targets...])
#
# One static library per folder under src/core, all sources of the folder. Its public headers are
# include/voicectl/NAME; headers under src/core/NAME stay private to it.
function(vc_layer name)
  cmake_parse_arguments(ARG "" "" "LINK;PRIVATE_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(NOT sources)
    file(WRITE "${CMAKE_BINARY_DIR}/empty.cpp" "")
    set(sources "${CMAKE_BINARY_DIR}/empty.cpp")
  endif()
  add_library(vc_${name} STATIC ${sources})
  target_include_directories(vc_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include"
                                        PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(vc_${name} PUBLIC ${ARG_LINK} PRIVATE vc_options ${ARG_PRIVATE_LINK})
endfunction()

# vc_builtin(NAME FILE)
#
# What stands in a text file becomes BUILTIN_NAME, for a header that configure_file makes of it (@BUILTIN_NAME@ within a raw string):
# the file is part of the binary then, and a change of it builds anew.
macro(vc_builtin name file)
  file(READ "${file}" BUILTIN_${name})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
endmacro()
