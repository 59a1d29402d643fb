# SPDX-License-Identifier: Apache-2.0
# ditune_fuzz(TARGET lib...): fuzz/TARGET.cpp, as a libFuzzer program where DITUNE_FUZZ is on. The test is the same in
# either build: the inputs of fuzz/corpus/TARGET, each once.
function(ditune_fuzz target)
  add_executable(fuzz_${target} fuzz/${target}.cpp)
  target_link_libraries(fuzz_${target} PRIVATE ditune_options ${ARGN})
  if(DITUNE_FUZZ)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
    set(once -runs=0)
  else()
    target_sources(fuzz_${target} PRIVATE fuzz/replay.cpp)
  endif()
  add_test(NAME "fuzz: ${target}"
           COMMAND fuzz_${target} ${once} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${target})
  set_tests_properties("fuzz: ${target}" PROPERTIES LABELS cpu)
endfunction()

ditune_fuzz(config ditune_generator)
ditune_fuzz(epilogue ditune_core)
ditune_fuzz(prologue ditune_core)
ditune_fuzz(problem_list ditune_models ditune_fmt)

add_library(ditune_fuzz_databases STATIC fuzz/databases.cpp)
target_include_directories(ditune_fuzz_databases PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(ditune_fuzz_databases PUBLIC ditune_db PRIVATE ditune_options)
target_compile_definitions(ditune_fuzz_databases PUBLIC DITUNE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
ditune_fuzz(database ditune_fuzz_databases)
ditune_fuzz(rows ditune_fuzz_databases SQLite::SQLite3)
if(DITUNE_FUZZ)
  target_sources(fuzz_database PRIVATE fuzz/database_mutator.cpp)
endif()

# With a driver and a compiler of its own in place of the library's.
ditune_fuzz(c_api ditune_fuzz_databases ditune_runtime)
file(GLOB c_api CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/c_api*.cpp)
target_sources(fuzz_c_api PRIVATE fuzz/c_api_machine.cpp fuzz/c_api_oracle.cpp fuzz/c_api_quantize_oracle.cpp ${c_api})
