// SPDX-License-Identifier: Apache-2.0
#include "runtime/tensor_map.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>

#include "l2_fetch.cuh"
#include "runtime/cuda_api.hpp"

namespace ditune {
namespace {

// Bits are copied: of each size, the type that is never rounded or flushed.
CUtensorMapDataType data_type(int element_bytes) {
  switch (element_bytes) {
    case 1:
      return CU_TENSOR_MAP_DATA_TYPE_UINT8;
    case 2:
      return CU_TENSOR_MAP_DATA_TYPE_UINT16;
    default:
      return CU_TENSOR_MAP_DATA_TYPE_UINT32;
  }
}

// Over as many bytes as a row of a box has.
CUtensorMapSwizzle swizzle(int box_bytes) {
  switch (box_bytes) {
    case 32:
      return CU_TENSOR_MAP_SWIZZLE_32B;
    case 64:
      return CU_TENSOR_MAP_SWIZZLE_64B;
    default:
      return CU_TENSOR_MAP_SWIZZLE_128B;
  }
}

CUtensorMapL2promotion l2_promotion(long long pitch) {
  return l2_fetch_bytes(pitch) == 256 ? CU_TENSOR_MAP_L2_PROMOTION_L2_256B : CU_TENSOR_MAP_L2_PROMOTION_L2_128B;
}

CudaError refused(const TensorMapSpec& spec, CUresult status) {
  return {
      fmt::format("cuTensorMapEncodeTiled refuses (error {}) {} rows of {} elements of {} bytes, {} bytes apart, at "
                  "{}, in boxes of {} rows of {} bytes",
                  static_cast<int>(status), spec.rows, spec.columns, spec.element_bytes, spec.pitch, spec.base,
                  spec.box_rows, spec.box_bytes),
      "the address and the distance of rows must be multiples of 16 bytes, a box at most 256 rows"};
}

}  // namespace

TensorMap encode_tensor_map(const TensorMapSpec& spec) {
  const CudaApi& api = cuda_on_device();  // which refuses without a current context
  // The innermost dimension first.
  const std::array<cuuint64_t, 2> extents = {static_cast<cuuint64_t>(spec.columns), static_cast<cuuint64_t>(spec.rows)};
  const std::array<cuuint64_t, 1> pitch = {static_cast<cuuint64_t>(spec.pitch)};
  const std::array<cuuint32_t, 2> box = {static_cast<cuuint32_t>(spec.box_bytes / spec.element_bytes),
                                         static_cast<cuuint32_t>(spec.box_rows)};
  const std::array<cuuint32_t, 2> steps = {1, 1};
  CUtensorMap map = {};
  const CUresult status =
      api.tensor_map_encode_tiled(&map, data_type(spec.element_bytes), extents.size(), const_cast<void*>(spec.base),
                                  extents.data(), pitch.data(), box.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
                                  swizzle(spec.box_bytes), l2_promotion(spec.pitch), CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) throw refused(spec, status);
  return std::bit_cast<TensorMap>(map);
}

TensorMap move_tensor_map(const TensorMap& map, const void* base) {
  const CudaApi& api = cuda_on_device();
  auto moved = std::bit_cast<CUtensorMap>(map);
  const CUresult status = api.tensor_map_replace_address(&moved, const_cast<void*>(base));
  if (status != CUDA_SUCCESS)
    throw CudaError(fmt::format("cuTensorMapReplaceAddress refuses (error {}) {}", static_cast<int>(status), base),
                    "the address must be a multiple of 16 bytes");
  return std::bit_cast<TensorMap>(moved);
}

}  // namespace ditune
