# SPDX-License-Identifier: Apache-2.0
# Recorded tables, compressed in data/ beside this file, are unpacked into the build folder.
set(DITUNE_RECORDED ${PROJECT_BINARY_DIR}/recorded)
file(GLOB archives CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/data/*.tar.xz)
foreach(archive IN LISTS archives)
  file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${DITUNE_RECORDED})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${archive})
endforeach()
