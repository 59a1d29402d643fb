// SPDX-License-Identifier: Apache-2.0
#include "c_api_machine.hpp"

#include <cstring>
#include <memory>
#include <string>

#include "ditune/error.hpp"
#include "fallback_args.cuh"
#include "fuzz.hpp"
#include "runtime/driver.hpp"
#include "runtime/nvrtc.hpp"
#include "tensor_map.cuh"

namespace ditune {
namespace {

using fuzz::machine;

template <class T>
T as(const KernelParameter& parameter) {
  T value;
  std::memcpy(&value, parameter.bytes.data(), sizeof value);
  return value;
}

// Families' parameters are told by their sizes.
struct MadeUpKernel : LoadedKernel {
  void launch(const LaunchPlan& plan, const KernelParameter& parameter, CUstream_st* stream) const override {
    if (machine().faults.fails_launches) throw CudaError("cuLaunchKernelEx: an illegal\naddress", "look for it");
    fuzz::Launch launch{plan, {}, false, {}, {}, stream};
    if (parameter.size == sizeof(GemmArgs)) {
      launch.args = {as<GemmArgs>(parameter), {}};
    } else if (parameter.size == sizeof(TmaGemmArgs)) {
      launch.args = {as<TmaGemmArgs>(parameter).gemm, {}};
    } else if (parameter.size == sizeof(FusedGemmArgs)) {
      launch.args = as<FusedGemmArgs>(parameter);
      launch.has_residual = true;
    } else if (parameter.size == sizeof(QuantizeArgs)) {
      launch.quantize = as<QuantizeArgs>(parameter);
    } else if (parameter.size == sizeof(TmaFusedGemmArgs)) {
      const auto fused = as<TmaFusedGemmArgs>(parameter);
      launch.args = {fused.gemm, fused};
      launch.has_residual = true;
    } else {
      fuzz::require(parameter.size == sizeof(FallbackArgs), "a parameter is that of a family");
      const auto fallback = as<FallbackArgs>(parameter);
      launch.args = fallback.gemm;
      launch.has_residual = true;
      launch.epilogue = fallback.epilogue;
    }
    machine().launches.push_back(launch);
  }
};

struct MadeUpDriver : Driver {
  int device_count() const override { return machine().faults.has_no_devices ? 0 : fuzz::Machine::kDevices; }
  DeviceInfo device(int ordinal) const override {
    if (machine().faults.fails_devices) throw CudaError("cuDeviceGet: lost", "reset it");
    return find_device(ordinal == 0 ? "RTX 3090" : "H100");
  }
  std::unique_ptr<const LoadedKernel> load(const std::string& image, const std::string&, int, int) const override {
    const bool is_ptx = image.find(".target") != std::string::npos;
    if (image.starts_with("bad") || (is_ptx ? machine().faults.refuses_ptx : machine().faults.refuses_cubins))
      throw CudaError("cuLibraryLoadData: no kernel\nimage \xe2\x82", "");
    return std::make_unique<MadeUpKernel>();
  }
  TensorMap encode(const TensorMapSpec& spec, int) const override {
    // As cuTensorMapEncodeTiled.
    if (spec.base == nullptr || spec.pitch % 16 != 0 || spec.box_rows > 256)
      throw CudaError("cuTensorMapEncodeTiled refuses", "");
    return {};
  }
  TensorMap move(const TensorMap& map, const void* base, int) const override {
    // As cuTensorMapReplaceAddress.
    if (base == nullptr || reinterpret_cast<std::uintptr_t>(base) % 16 != 0)
      throw CudaError("cuTensorMapReplaceAddress refuses", "");
    return map;
  }
  bool is_capturing(CUstream_st*, int) const override {
    if (machine().faults.has_no_devices) throw CudaError("cuInit: no device", "");
    return machine().faults.is_capturing;
  }
};

}  // namespace

std::shared_ptr<const Driver> cuda_driver() { return std::make_shared<MadeUpDriver>(); }

struct Nvrtc::Api {};

Nvrtc::Nvrtc(std::span<const char* const>) {
  if (machine().faults.has_no_compiler) throw NvrtcError("there is no NVRTC", "install it");
}

Nvrtc::Nvrtc(const std::filesystem::path&) : Nvrtc(kNvrtcCandidates) {}

CompiledKernel Nvrtc::compile(const KernelSource& source, SmArch) const {
  if (machine().faults.fails_compilation) throw NvrtcError("an error\nin line 1", "report it", "a log", source.text);
  return {.name = source.name, .cubin = "compiled", .resources = {}};
}

fuzz::Machine& fuzz::machine() {
  static Machine its;
  return its;
}

}  // namespace ditune
