# SPDX-License-Identifier: Apache-2.0
# The house with a second kind of operation, `copy`, and a third family of gemm_s8, `plain_s8`, both in folders here: its
# own sources, compiled again against copies of the headers in which kinds and families are registered. What follows is
# all that a new kind and a new family take in files that are there already (docs/hacking.md, "To add").
set(toy ${CMAKE_CURRENT_SOURCE_DIR}/toy)
set(overlay ${CMAKE_CURRENT_BINARY_DIR}/toy/overlay)

# toy_register(FILE AS LINE BY): a copy of FILE, included as AS, with BY in place of LINE, which must be in it once.
function(toy_register file as line by)
  set(from ${PROJECT_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  get_property(begun GLOBAL PROPERTY toy_${as})
  if(begun)
    set(from ${overlay}/${as}.new)
  endif()
  set_property(GLOBAL PROPERTY toy_${as} TRUE)
  file(READ ${from} text)
  string(FIND "${text}" "${line}" first)
  string(FIND "${text}" "${line}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "${file} does not have '${line}' once (say in tests/toy/toy.cmake and in docs/hacking.md where a kind or a family is registered now)")
  endif()
  string(REPLACE "${line}" "${by}" text "${text}")
  file(WRITE ${overlay}/${as}.new "${text}")
  file(COPY_FILE ${overlay}/${as}.new ${overlay}/${as} ONLY_IF_DIFFERENT)
endfunction()

# The kind.
toy_register(include/ditune/operation.hpp ditune/operation.hpp
  "#include \"ditune/gemm.hpp\"\n" "#include \"ditune/gemm.hpp\"\n#include \"copy/copy.hpp\"\n")
toy_register(include/ditune/operation.hpp ditune/operation.hpp "std::variant<Gemm, Quantize>"
  "std::variant<Gemm, Quantize, Copy>")
toy_register(core/kinds.hpp core/kinds.hpp
  "#include \"core/gemm_s8/gemm.hpp\"\n" "#include \"core/gemm_s8/gemm.hpp\"\n#include \"copy/copy_kind.hpp\"\n")
toy_register(tuner/verify/verifications.hpp tuner/verify/verifications.hpp
  "#include \"tuner/verify/gemm_s8/verification.hpp\"\n"
  "#include \"tuner/verify/gemm_s8/verification.hpp\"\n#include \"copy/copy_verification.hpp\"\n")
# The families, one of it and one of gemm_s8.
toy_register(include/ditune/config.hpp ditune/config.hpp
  "#include \"wgmma_s8_config.cuh\"\n"
  "#include \"wgmma_s8_config.cuh\"\n#include \"copy_rows_config.cuh\"\n#include \"plain_s8_config.cuh\"\n")
toy_register(include/ditune/config.hpp ditune/config.hpp
  "PassesS8Config>" "PassesS8Config, CopyRowsConfig, PlainS8Config>")
toy_register(core/config_fields.hpp core/config_fields.hpp
  "#include \"core/gemm_s8/wgmma_s8_fields.hpp\"\n"
  "#include \"core/gemm_s8/wgmma_s8_fields.hpp\"\n#include \"copy/copy_rows_fields.hpp\"\n#include \"plain_s8/plain_s8_fields.hpp\"\n")
toy_register(generator/families.hpp generator/families.hpp
  "#include \"generator/gemm_s8/wgmma_s8.hpp\"\n"
  "#include \"generator/gemm_s8/wgmma_s8.hpp\"\n#include \"copy/copy_rows.hpp\"\n#include \"plain_s8/plain_s8.hpp\"\n")

# These sources are linted where they are at home; and clang-tidy cannot read what g++ precompiled.
set(CMAKE_EXPORT_COMPILE_COMMANDS OFF)

add_library(toy_options INTERFACE)
target_include_directories(toy_options BEFORE INTERFACE ${overlay} ${toy} ${toy}/copy ${toy}/plain_s8)
target_include_directories(toy_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include
  $<TARGET_PROPERTY:ditune_templates,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(toy_options INTERFACE ditune_options ditune_fmt nlohmann_json::nlohmann_json SQLite::SQLite3
  CUDA::toolkit Threads::Threads ${CMAKE_DL_LIBS})
target_compile_options(toy_options INTERFACE -O0 -g0)

# What nearly all of these sources begin with, compiled once.
add_library(toy_headers OBJECT headers.cpp)
target_link_libraries(toy_headers PRIVATE toy_options)
target_precompile_headers(toy_headers PRIVATE <algorithm> <chrono> <filesystem> <functional> <map> <optional> <random>
  <string> <variant> <vector> <fmt/format.h> <generator/families.hpp> <ditune/record.hpp>)

# toy_library(FOLDER [FILE...]): the sources of ditune_FOLDER, or these of them, against the copies. Left out is what has
# to do with measuring on a GPU.
function(toy_library folder)
  get_target_property(home ditune_${folder} SOURCE_DIR)
  get_target_property(all ditune_${folder} SOURCES)
  get_target_property(made ditune_${folder} INCLUDE_DIRECTORIES)
  list(FILTER made INCLUDE REGEX "^${PROJECT_BINARY_DIR}/")
  set(sources ${ARGN})
  if(NOT sources)
    set(sources ${all})
    list(FILTER sources INCLUDE REGEX "[.]cpp$")
  endif()
  list(TRANSFORM sources PREPEND ${home}/)
  set(kinds ${sources})
  list(FILTER kinds INCLUDE REGEX "_s8/")
  set_source_files_properties(${kinds} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # their names are alike
  add_library(toy_${folder} OBJECT ${sources})
  target_link_libraries(toy_${folder} PRIVATE toy_options)
  target_include_directories(toy_${folder} PRIVATE ${made})
  target_precompile_headers(toy_${folder} REUSE_FROM toy_headers)
  set_target_properties(toy_${folder} PROPERTIES UNITY_BUILD ON)
  add_dependencies(toy_${folder} ditune_${folder})  # which makes the headers in these folders
endfunction()

toy_library(core)
toy_library(generator)
toy_library(lookup)
toy_library(db)
toy_library(nvrtc)
toy_library(runtime child_process.cpp cuda.cpp cuda_api.cpp cuda_device.cpp driver.cpp fallback.cpp gemm_s8/plain_gemm.cpp
            host_compiler.cpp installed_cuda.cpp installed_parts.cpp object_cache.cpp quantize_s8/plain_quantize.cpp records.cpp runtime.cpp
            tensor_map.cpp)
toy_library(tuner search/grid.cpp search/guided.cpp search/halving.cpp search/local.cpp search/ranked.cpp
            search/search.cpp search/surrogate.cpp verify/cpu_verifier.cpp
            verify/host_fills.cpp verify/host_operands.cpp verify/host_problem.cpp verify/host_rows.cpp
            verify/operand_case.cpp verify/verdict.cpp verify/verification.cpp)

# The templates, and the toys' among them.
file(GLOB toy_kernels RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS ../templates/*/*.cuh toy/*/*.cuh)
add_library(toy_templates OBJECT ${PROJECT_SOURCE_DIR}/templates/embedded.cpp)
target_link_libraries(toy_templates PRIVATE toy_options)
ditune_embed(toy_templates ${toy_kernels})

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
file(GLOB toy_sources CONFIGURE_DEPENDS ${toy}/*_test.cpp ${toy}/*/*.cpp)
add_executable(test_toy ${toy_sources})
target_link_libraries(test_toy PRIVATE toy_options ditune_test_main toy_core toy_generator toy_lookup toy_db toy_nvrtc
  toy_runtime toy_tuner toy_templates $<TARGET_FILE:ditune_emulation>)
add_dependencies(test_toy ditune_emulation)
target_include_directories(test_toy BEFORE PRIVATE ${overlay})
target_compile_definitions(test_toy PRIVATE DITUNE_CXX="${CMAKE_CXX_COMPILER}"
                           DITUNE_OBJECTS="${CMAKE_CURRENT_BINARY_DIR}/objects")
catch_discover_tests(test_toy TEST_PREFIX "toy: " PROPERTIES LABELS cpu
                     ENVIRONMENT "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/lsan.supp")
