// ---- tensor maps, for kernels that take @parameters@

#if __has_include(<cuda.h>) && __has_include(<cuda_runtime_api.h>)

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstring>

namespace ditune_tuned {

// @uses@

namespace detail {

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);

// Through the CUDA runtime: the program need not be linked with libcuda. Null where the driver is older than CUDA 12.0.
inline EncodeTiled find_encode_tiled() {
  constexpr unsigned since = 12000;
  void* entry = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t status =
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, since, cudaEnableDefault, &found);
  if (status != cudaSuccess || found != cudaDriverEntryPointSuccess) return nullptr;
  return reinterpret_cast<EncodeTiled>(entry);
}

inline cudaError_t encode(const ditune::TensorMapSpec& spec, ditune::TensorMap& map) {
  static const EncodeTiled encode_tiled = find_encode_tiled();
  if (!encode_tiled) return cudaErrorNotSupported;
  const CUtensorMapDataType type = spec.element_bytes == 1   ? CU_TENSOR_MAP_DATA_TYPE_UINT8
                                   : spec.element_bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_UINT16
                                                             : CU_TENSOR_MAP_DATA_TYPE_UINT32;
  const CUtensorMapSwizzle swizzle = spec.box_bytes == 32   ? CU_TENSOR_MAP_SWIZZLE_32B
                                     : spec.box_bytes == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                                                            : CU_TENSOR_MAP_SWIZZLE_128B;
  const CUtensorMapL2promotion promotion = ditune::l2_fetch_bytes(spec.pitch) == 256
                                               ? CU_TENSOR_MAP_L2_PROMOTION_L2_256B
                                               : CU_TENSOR_MAP_L2_PROMOTION_L2_128B;
  // The innermost dimension first.
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(spec.columns), static_cast<cuuint64_t>(spec.rows)};
  const cuuint64_t pitch[] = {static_cast<cuuint64_t>(spec.pitch)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(spec.box_bytes / spec.element_bytes),
                            static_cast<cuuint32_t>(spec.box_rows)};
  const cuuint32_t steps[] = {1, 1};
  CUtensorMap encoded{};
  const CUresult status =
      encode_tiled(&encoded, type, 2, const_cast<void*>(spec.base), extents, pitch, box, steps,
                   CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, promotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  static_assert(sizeof encoded == sizeof map, "what the kernel reads");
  std::memcpy(&map, &encoded, sizeof map);
  return status == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace detail

// @make_parameter@

}  // namespace ditune_tuned

#endif  // __has_include
