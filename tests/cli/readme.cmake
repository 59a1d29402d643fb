# SPDX-License-Identifier: Apache-2.0
# README.md's examples are compiled and run.
set(readme_lookup ${CMAKE_CURRENT_BINARY_DIR}/readme_lookup.cpp)
add_custom_command(
  OUTPUT ${readme_lookup}
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/readme_blocks ${PROJECT_SOURCE_DIR}/README.md cpp\ test=lookup.cpp > ${readme_lookup}
  DEPENDS ${PROJECT_SOURCE_DIR}/README.md ${CMAKE_CURRENT_SOURCE_DIR}/cli/readme_blocks
  VERBATIM)
add_executable(readme_lookup ${readme_lookup})
target_link_libraries(readme_lookup PRIVATE ditune_runtime ditune_options)

list(GET CUDAToolkit_INCLUDE_DIRS 0 cuda_include)
add_test(NAME "readme"
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/readme_test.sh $<TARGET_FILE:ditune> $<TARGET_FILE:readme_lookup>
          ${CMAKE_CXX_COMPILER} ${cuda_include} ${CUDAToolkit_LIBRARY_DIR})
set_tests_properties(readme PROPERTIES LABELS cpu)

# So are the jobs of docs/fleet.md, which are compared with one run that is not divided.
function(ditune_fleet_test name script fixture_property)
  add_test(NAME "fleet: ${name}" COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/${script} $<TARGET_FILE:ditune> ${CMAKE_CURRENT_BINARY_DIR}/undivided.json)
  set_tests_properties("fleet: ${name}" PROPERTIES LABELS cpu SKIP_RETURN_CODE 77 ${fixture_property} undivided)
endfunction()
ditune_fleet_test("one run, undivided" fleet_undivided.sh FIXTURES_SETUP)
ditune_fleet_test("jobs by hand" fleet_test.sh FIXTURES_REQUIRED)
ditune_fleet_test("jobs under Slurm" slurm_test.sh FIXTURES_REQUIRED)
