# SPDX-License-Identifier: Apache-2.0
# bench/sweep_m.py, scripts/sweep-m and bench/serving.py; passed over where there is no Python.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND)
  foreach(script IN ITEMS sweep_m serving)
    add_test(NAME "${script}" COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bench/${script}_test.py)
    set_tests_properties(${script} PROPERTIES LABELS cpu)
  endforeach()
endif()
