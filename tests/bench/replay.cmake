# SPDX-License-Identifier: Apache-2.0
# Recorded tables replay the search: tests/tuner/replay_test.cpp.
include(${PROJECT_SOURCE_DIR}/bench/recorded.cmake)
target_compile_definitions(test_tuner PRIVATE DITUNE_RECORDED="${DITUNE_RECORDED}")
