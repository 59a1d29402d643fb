# SPDX-License-Identifier: Apache-2.0
# What cmake --install writes: the program, the C++ API (ditune::ditune), the C ABI (ditune::ditune_c), and what CMake
# and pkg-config find them by. Nothing of it knows where it was installed to.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/ditune)

install(TARGETS ditune)
# The C ABI by itself: who links it alone needs nothing of what the C++ API was built with.
install(TARGETS ditune_c EXPORT ditune_c)
install(EXPORT ditune_c NAMESPACE ditune:: FILE ditune-c-targets.cmake DESTINATION ${package_folder})
install(TARGETS ditune_runtime ditune_nvrtc ditune_emulation ditune_db ditune_lookup ditune_generator ditune_core
                ditune_templates
        EXPORT ditune)
install(EXPORT ditune NAMESPACE ditune:: FILE ditune-targets.cmake DESTINATION ${package_folder})
configure_package_config_file(cmake/ditune-config.cmake.in ${PROJECT_BINARY_DIR}/ditune-config.cmake
                              INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ditune-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ditune-config.cmake ${PROJECT_BINARY_DIR}/ditune-config-version.cmake
        DESTINATION ${package_folder})

# From the .pc file to the prefix, and from there to what it names: relative, also where GNUInstallDirs has absolute paths.
file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH lib_from_prefix ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH include_from_prefix ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(cmake/ditune.pc.in ${PROJECT_BINARY_DIR}/ditune.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ditune.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The headers, and beside them those that they share with the kernels.
file(GLOB configs CONFIGURE_DEPENDS templates/*/*_config.cuh)
install(DIRECTORY include/ditune DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES templates/common/host_device.cuh templates/common/launch_plan.cuh templates/common/tensor_map.cuh
              templates/gemm_s8/epilogue_spec.cuh templates/gemm_s8/gemm_args.cuh
              templates/quantize_s8/prologue_spec.cuh templates/quantize_s8/quantize_args.cuh
              templates/quantize_s8/quantize_layout.cuh
              templates/quantize_s8/column_terms.cuh ${configs}
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ditune)

install(FILES README.md CHANGELOG.md LICENSE THIRD_PARTY_LICENSES.txt DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
