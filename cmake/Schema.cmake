# LiveKit's schema as C++, generated at build time from the descriptors inside the pinned wheels
# (scripts/setup writes them as FileDescriptorSets). Only the files that are needed.
if(NOT VC_SCHEMA_DIR)
  set(VC_SCHEMA_DIR "${CMAKE_SOURCE_DIR}/.cache/schema")
endif()
foreach(set livekit livekit_ffi)
  if(NOT EXISTS "${VC_SCHEMA_DIR}/${set}.fds")
    message(FATAL_ERROR "LiveKit's schema is missing (${VC_SCHEMA_DIR}/${set}.fds). Run ./scripts/setup first.")
  endif()
endforeach()

# vc_schema(TARGET FDS LIBRARY files... [FROM folder]): a static library of generated messages. FROM: the files lie there, and only
# what they import is in the descriptor set.
function(vc_schema target fds library)
  cmake_parse_arguments(ARG "" "FROM" "" ${ARGN})
  set(out "${CMAKE_BINARY_DIR}/schema/${target}")
  set(sources)
  set(headers)
  set(from)
  set(written)
  foreach(proto ${ARG_UNPARSED_ARGUMENTS})
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    list(APPEND sources "${out}/${stem}.pb.cc")
    list(APPEND headers "${out}/${stem}.pb.h")
    if(ARG_FROM)
      list(APPEND written "${ARG_FROM}/${proto}")
      set(from "--proto_path=${ARG_FROM}")
    endif()
  endforeach()
  file(MAKE_DIRECTORY "${out}")
  add_custom_command(
    OUTPUT ${sources} ${headers}
    COMMAND protobuf::protoc ${from} "--descriptor_set_in=${VC_SCHEMA_DIR}/${fds}.fds" "--cpp_out=${out}" ${ARG_UNPARSED_ARGUMENTS}
    DEPENDS "${VC_SCHEMA_DIR}/${fds}.fds" ${written}
    COMMENT "Generating ${target}")
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC "${out}")
  target_link_libraries(${target} PUBLIC ${library})
  if(VC_SANITIZE STREQUAL "thread")
    # Under it protobuf's headers add a member to every map, which Debian's library does not have.
    target_compile_options(${target} PUBLIC -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)  # protoc's files have names in common
  if(VC_SANITIZE)
    target_compile_options(${target} PRIVATE -fno-sanitize=all)  # nothing of ours, and half the time of such a build
  endif()
  target_compile_options(${target} PRIVATE -w $<$<CONFIG:Release>:-Os> $<$<CONFIG:Debug>:-g0>)
endfunction()

vc_schema(livekit_schema livekit protobuf::libprotobuf
  livekit_models.proto livekit_metrics.proto livekit_room.proto livekit_egress.proto
  livekit_agent_dispatch.proto livekit_agent.proto logger/options.proto)

# Apart from the rest, of which nothing has to be generated again.
vc_schema(livekit_session_schema livekit livekit_schema agent/livekit_agent_session.proto)

vc_schema(livekit_webhook_schema livekit livekit_schema livekit_ingress.proto livekit_webhook.proto)

# How a server and its egress workers call each other, in words of our own.
vc_schema(livekit_bus_schema livekit livekit_schema psrpc.proto egress_rpc.proto FROM "${CMAKE_SOURCE_DIR}/src/core/livekit/wire")

# In protobuf-lite form (the descriptor set says so): no reflection, smaller and faster to start.
vc_schema(livekit_ffi_schema livekit_ffi protobuf::libprotobuf
  audio_frame.proto capture.proto data_stream.proto data_track.proto e2ee.proto ffi.proto handle.proto
  participant.proto room.proto rpc.proto stats.proto track.proto track_publication.proto video_frame.proto)
set_target_properties(livekit_ffi_schema PROPERTIES UNITY_BUILD ${VC_UNITY})  # those of the lite form have not
