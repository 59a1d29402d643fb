# SPDX-License-Identifier: Apache-2.0
# What scripts/browser-check looks at.
add_executable(report_samples report/browser/samples.cpp)
target_include_directories(report_samples PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(report_samples PRIVATE ditune_report ditune_models ditune_options)
