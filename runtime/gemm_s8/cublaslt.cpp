// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/cublaslt.hpp"

#include <cublasLt.h>
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <random>

#include "runtime/dylib.hpp"
#include "runtime/timing.hpp"

namespace ditune {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{64} << 20;
constexpr std::size_t kAlignment = 256;  // what the heuristic takes for granted

// cuBLASLt declines: becomes Peer::reason.
class Declined : public Error {
 public:
  explicit Declined(const std::string& why) : Error(why, "") {}
};

// The library, a handle on it and a workspace that its launches, all on one stream, share.
struct CublasLt {
  CublasLt() {
    if (!library) throw Declined("cuBLASLt is not there: " + library.error());
    if (!complete()) throw Declined(library.path() + " lacks functions");
    check(create(&handle), "cublasLtCreate");
    workspace = DeviceBuffer(kWorkspaceBytes);
  }
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;
  ~CublasLt() {
    if (handle) destroy(handle);
  }

  bool complete() const {
    return create && destroy && status_name && desc_create && desc_destroy && desc_set && layout_create &&
           layout_destroy && preference_create && preference_destroy && preference_set && heuristic && matmul;
  }

  void check(cublasStatus_t status, const char* call) const {
    if (status != CUBLAS_STATUS_SUCCESS) throw Declined(fmt::format("{}: {}", call, status_name(status)));
  }

  Dylib library{kCublasLtCandidates};
  decltype(&cublasLtCreate) create = library.function<decltype(cublasLtCreate)>("cublasLtCreate");
  decltype(&cublasLtDestroy) destroy = library.function<decltype(cublasLtDestroy)>("cublasLtDestroy");
  decltype(&cublasLtGetStatusName) status_name =
      library.function<decltype(cublasLtGetStatusName)>("cublasLtGetStatusName");
  decltype(&cublasLtMatmulDescCreate) desc_create =
      library.function<decltype(cublasLtMatmulDescCreate)>("cublasLtMatmulDescCreate");
  decltype(&cublasLtMatmulDescDestroy) desc_destroy =
      library.function<decltype(cublasLtMatmulDescDestroy)>("cublasLtMatmulDescDestroy");
  decltype(&cublasLtMatmulDescSetAttribute) desc_set =
      library.function<decltype(cublasLtMatmulDescSetAttribute)>("cublasLtMatmulDescSetAttribute");
  decltype(&cublasLtMatrixLayoutCreate) layout_create =
      library.function<decltype(cublasLtMatrixLayoutCreate)>("cublasLtMatrixLayoutCreate");
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy =
      library.function<decltype(cublasLtMatrixLayoutDestroy)>("cublasLtMatrixLayoutDestroy");
  decltype(&cublasLtMatmulPreferenceCreate) preference_create =
      library.function<decltype(cublasLtMatmulPreferenceCreate)>("cublasLtMatmulPreferenceCreate");
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy =
      library.function<decltype(cublasLtMatmulPreferenceDestroy)>("cublasLtMatmulPreferenceDestroy");
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set =
      library.function<decltype(cublasLtMatmulPreferenceSetAttribute)>("cublasLtMatmulPreferenceSetAttribute");
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic =
      library.function<decltype(cublasLtMatmulAlgoGetHeuristic)>("cublasLtMatmulAlgoGetHeuristic");
  decltype(&cublasLtMatmul) matmul = library.function<decltype(cublasLtMatmul)>("cublasLtMatmul");
  cublasLtHandle_t handle = nullptr;
  DeviceBuffer workspace;
};

struct Types {
  const char* name;
  cudaDataType_t in, out;
  std::size_t in_bytes, out_bytes;
  cublasComputeType_t compute;
  cudaDataType_t scale;
  int min_arch;  // whose tensor cores take them
};

constexpr std::array kTypes = {
    Types{"cublaslt int8->int32", CUDA_R_8I, CUDA_R_32I, 1, 4, CUBLAS_COMPUTE_32I, CUDA_R_32I, 75},
    Types{"cublaslt bf16->bf16", CUDA_R_16BF, CUDA_R_16BF, 2, 2, CUBLAS_COMPUTE_32F, CUDA_R_32F, 80},
    Types{"cublaslt fp8->bf16", CUDA_R_8F_E4M3, CUDA_R_16BF, 1, 2, CUBLAS_COMPUTE_32F, CUDA_R_32F, 89},
};

// Random and never zeros, which multiply faster than data does: int8 of any value, the same integers as bf16, e4m3 of
// any value but NaN.
std::vector<std::uint8_t> random_operand(const Types& types, std::size_t elements, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> bytes(elements * types.in_bytes);
  for (std::size_t i = 0; i < elements; ++i) {
    const auto value = static_cast<std::int8_t>(random() >> 56);
    if (types.in == CUDA_R_16BF) {
      // An integer of 8 bits fits bf16's significand: the upper half of its float32 is exact.
      const auto bits = __builtin_bit_cast(std::uint32_t, static_cast<float>(value));
      bytes[2 * i] = static_cast<std::uint8_t>(bits >> 16);
      bytes[2 * i + 1] = static_cast<std::uint8_t>(bits >> 24);
    } else {
      const bool nan = types.in == CUDA_R_8F_E4M3 && (value & 0x7f) == 0x7f;
      bytes[i] = static_cast<std::uint8_t>(nan ? 0x3f : value);
    }
  }
  return bytes;
}

// The same matrix for every set, each aligned.
class OperandSets {
 public:
  OperandSets() = default;
  OperandSets(std::size_t bytes, int sets)
      : stride_((bytes + kAlignment - 1) / kAlignment * kAlignment), data_(stride_ * static_cast<std::size_t>(sets)) {}
  OperandSets(const std::vector<std::uint8_t>& content, int sets) : OperandSets(content.size(), sets) {
    const Stream stream;
    for (int set = 0; set < sets; ++set) copy_to_device((*this)[set], content.data(), content.size(), stream);
    stream.synchronize();
  }
  void* operator[](int set) const { return data_.as<char>() + stride_ * static_cast<std::size_t>(set); }

 private:
  std::size_t stride_ = 0;
  DeviceBuffer data_;
};

// Y = X W^T, described to cuBLASLt, which thinks in columns: Y^T[N,M] = (W^T)^T X^T, where the column-major W^T is
// [K,N].
class Matmul {
 public:
  Matmul(std::shared_ptr<const CublasLt> library, const Types& types, const Gemm& gemm, int sets)
      : lt_(std::move(library)),
        types_(types),
        x_(random_operand(types, static_cast<std::size_t>(gemm.m * gemm.k), 1), sets),
        w_(random_operand(types, static_cast<std::size_t>(gemm.n * gemm.k), 2), sets),
        y_(static_cast<std::size_t>(gemm.m * gemm.n) * types.out_bytes, sets) {
    describe(gemm);
    ask_heuristic();
    keep_those_that_run();
  }

  int algorithms() const { return static_cast<int>(algorithms_.size()); }

  void launch(int algorithm, int set, const Stream& stream) const {
    const cublasStatus_t status = try_launch(algorithms_.at(static_cast<std::size_t>(algorithm)), set, stream);
    if (status != CUBLAS_STATUS_SUCCESS)
      throw CudaError(fmt::format("cublasLtMatmul: {}", lt_->status_name(status)), "");
  }

 private:
  using Desc = std::unique_ptr<cublasLtMatmulDescOpaque_t, decltype(&cublasLtMatmulDescDestroy)>;
  using Layout = std::unique_ptr<cublasLtMatrixLayoutOpaque_t, decltype(&cublasLtMatrixLayoutDestroy)>;
  using Preference = std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, decltype(&cublasLtMatmulPreferenceDestroy)>;

  Layout layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns) const {
    cublasLtMatrixLayout_t created = nullptr;
    lt_->check(
        lt_->layout_create(&created, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), rows),
        "cublasLtMatrixLayoutCreate");
    return Layout(created, lt_->layout_destroy);
  }

  void describe(const Gemm& p) {
    cublasLtMatmulDesc_t created = nullptr;
    lt_->check(lt_->desc_create(&created, types_.compute, types_.scale), "cublasLtMatmulDescCreate");
    desc_ = Desc(created, lt_->desc_destroy);
    const std::int32_t transposed = CUBLAS_OP_T;
    lt_->check(lt_->desc_set(created, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed), "transpose W");
    if (types_.in == CUDA_R_8F_E4M3) {
      const std::int8_t fast = 1;
      lt_->check(lt_->desc_set(created, CUBLASLT_MATMUL_DESC_FAST_ACCUM, &fast, sizeof fast), "fast accumulation");
    }
    w_layout_ = layout(types_.in, p.k, p.n);
    x_layout_ = layout(types_.in, p.k, p.m);
    y_layout_ = layout(types_.out, p.n, p.m);
  }

  void ask_heuristic() {
    cublasLtMatmulPreference_t created = nullptr;
    lt_->check(lt_->preference_create(&created), "cublasLtMatmulPreferenceCreate");
    const Preference preference(created, lt_->preference_destroy);
    lt_->check(lt_->preference_set(created, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                                   sizeof kWorkspaceBytes),
               "limit the workspace");
    std::array<cublasLtMatmulHeuristicResult_t, kPeerAlgorithms> found = {};
    int count = 0;
    lt_->check(lt_->heuristic(lt_->handle, desc_.get(), w_layout_.get(), x_layout_.get(), y_layout_.get(),
                              y_layout_.get(), preference.get(), kPeerAlgorithms, found.data(), &count),
               "cublasLtMatmulAlgoGetHeuristic");
    for (int i = 0; i < count; ++i) {
      const auto& result = found[static_cast<std::size_t>(i)];
      if (result.state == CUBLAS_STATUS_SUCCESS) algorithms_.push_back(result.algo);
    }
  }

  // The heuristic also offers some that fail when they are launched.
  void keep_those_that_run() {
    const Stream stream;
    std::erase_if(algorithms_, [&](const cublasLtMatmulAlgo_t& algorithm) {
      return try_launch(algorithm, 0, stream) != CUBLAS_STATUS_SUCCESS;
    });
    stream.synchronize();
    if (algorithms_.empty()) throw Declined("cuBLASLt has no algorithm for this shape");
  }

  cublasStatus_t try_launch(const cublasLtMatmulAlgo_t& algorithm, int set, const Stream& stream) const {
    const std::int32_t one_s32 = 1, zero_s32 = 0;
    const float one = 1, zero = 0;
    const bool integer = types_.scale == CUDA_R_32I;
    const void* alpha = integer ? static_cast<const void*>(&one_s32) : &one;
    const void* beta = integer ? static_cast<const void*>(&zero_s32) : &zero;
    return lt_->matmul(lt_->handle, desc_.get(), alpha, w_[set], w_layout_.get(), x_[set], x_layout_.get(), beta,
                       y_[set], y_layout_.get(), y_[set], y_layout_.get(), &algorithm, lt_->workspace.get(),
                       kWorkspaceBytes, stream.get());
  }

  std::shared_ptr<const CublasLt> lt_;
  Types types_;
  OperandSets x_, w_, y_;
  Desc desc_{nullptr, nullptr};
  Layout w_layout_{nullptr, nullptr}, x_layout_{nullptr, nullptr}, y_layout_{nullptr, nullptr};
  std::vector<cublasLtMatmulAlgo_t> algorithms_;
};

Peer make_peer(const std::shared_ptr<const CublasLt>& library, const Types& types, const Gemm& p,
               const DeviceInfo& device, std::size_t memory_cap) {
  if (device.arch.number < types.min_arch) throw Declined(format(device.arch) + " has no tensor cores for these types");
  const std::size_t bytes = static_cast<std::size_t>(p.m + p.n) * static_cast<std::size_t>(p.k) * types.in_bytes +
                            static_cast<std::size_t>(p.m * p.n) * types.out_bytes;
  if (bytes > memory_cap) throw Declined(fmt::format("its operands take {} MB", bytes >> 20));
  Peer peer;
  peer.name = types.name;
  peer.sets = operand_sets(bytes, device.l2_bytes, memory_cap);
  const auto matmul = std::make_shared<const Matmul>(library, types, p, peer.sets);
  peer.algorithms = matmul->algorithms();
  peer.launch = [matmul](int algorithm, int set, const Stream& stream) { matmul->launch(algorithm, set, stream); };
  return peer;
}

}  // namespace

std::vector<Peer> cublaslt_peers(const Operation& operation, const DeviceInfo& device, std::size_t memory_cap) {
  validate(operation);
  const Gemm* const gemm = std::get_if<Gemm>(&operation);
  std::shared_ptr<const CublasLt> library;
  std::vector<Peer> peers;
  for (const Types& types : kTypes) {
    try {
      if (!gemm) throw Declined("it is for GEMMs alone");
      if (!library) library = std::make_shared<const CublasLt>();
      peers.push_back(make_peer(library, types, *gemm, device, memory_cap));
    } catch (const Declined& declined) {
      Peer peer;
      peer.name = types.name;
      peer.reason = declined.what();
      peers.push_back(peer);
    }
  }
  return peers;
}

}  // namespace ditune
