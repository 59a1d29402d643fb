# SPDX-License-Identifier: Apache-2.0
# What cmake --install writes is used from outside. It is installed once, and only what is built already.
function(ditune_install_test part)
  add_test(NAME "install: ${part}"
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/install_test.sh ${part} ${CMAKE_CURRENT_BINARY_DIR}/install ${ARGN})
  set_tests_properties("install: ${part}" PROPERTIES LABELS cpu FIXTURES_REQUIRED installed
    ENVIRONMENT "CC=${CMAKE_C_COMPILER};CXX=${CMAKE_CXX_COMPILER}")
endfunction()
ditune_install_test(stage ${PROJECT_BINARY_DIR})
set_tests_properties("install: stage" PROPERTIES FIXTURES_SETUP installed FIXTURES_REQUIRED "")
ditune_install_test(headers)
ditune_install_test(find_package ${PROJECT_VERSION} ${CMAKE_GENERATOR})
ditune_install_test(c_alone ${PROJECT_VERSION} ${CMAKE_GENERATOR})
ditune_install_test(fetch ${CMAKE_GENERATOR})
ditune_install_test(pkg_config ${PROJECT_VERSION})
