# SPDX-License-Identifier: Apache-2.0
# find_package(ditune) of a project that fetches ditune.
include(FetchContent)
FetchContent_Declare(ditune SOURCE_DIR ${DITUNE_SOURCE} OVERRIDE_FIND_PACKAGE)
