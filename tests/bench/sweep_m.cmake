# bench/sweep_m.py and scripts/sweep-m; passed over where there is no Python.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND)
  add_test(NAME "sweep_m" COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bench/sweep_m_test.py)
  set_tests_properties(sweep_m PROPERTIES LABELS cpu)
endif()
