# The compilers that an exported header must please; one that is not installed is passed over with a word.
find_program(DITUNE_GXX NAMES g++)
find_program(DITUNE_CLANGXX NAMES clang++ clang++-19 clang++-18 clang++-17 clang++-16)
list(GET CUDAToolkit_INCLUDE_DIRS 0 cuda_include)
target_compile_definitions(test_db PRIVATE
  DITUNE_GXX="${DITUNE_GXX}"
  DITUNE_CLANGXX="${DITUNE_CLANGXX}"
  DITUNE_NVCC="${CUDAToolkit_NVCC_EXECUTABLE}"
  DITUNE_CUDA_INCLUDE="${cuda_include}"
  DITUNE_CUDA_RUNTIME="$<TARGET_FILE:CUDA::cudart_static>")
