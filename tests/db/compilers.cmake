# SPDX-License-Identifier: Apache-2.0
# The compilers that exported headers and the examples must please; a test passes over those that are not installed.
find_program(DITUNE_GXX NAMES g++)
find_program(DITUNE_CLANGXX NAMES clang++ clang++-19 clang++-18 clang++-17 clang++-16)
list(GET CUDAToolkit_INCLUDE_DIRS 0 cuda_include)
set(header_compilers
  DITUNE_GXX="${DITUNE_GXX}"
  DITUNE_CLANGXX="${DITUNE_CLANGXX}"
  DITUNE_NVCC="${CUDAToolkit_NVCC_EXECUTABLE}"
  DITUNE_CUDA_INCLUDE="${cuda_include}"
  DITUNE_CUDA_RUNTIME="$<TARGET_FILE:CUDA::cudart_static>")
target_compile_definitions(test_db PRIVATE ${header_compilers})
