// SPDX-License-Identifier: Apache-2.0
// Runs a layer through an exported header, y = (Xq * Wq^T) * sx * sw in bf16, and checks rows of it against a CPU loop.
// Needs tuned.h and the CUDA runtime; nothing else of ditune:
//
//   ditune tune --model ideogram4 --resolution 1024x1024
//   ditune export --header tuned.h --embed cubin
//   g++ -std=c++17 -O2 -I. -I$CUDA_HOME/include run_layer.cpp -o run_layer
//       -L$CUDA_HOME/lib64 -lcudart_static -ldl -lrt -lpthread
//   ./run_layer [M]
//
// Prints one line; where tuned.h has nothing for the GPU, the layer falls back to a kernel that nobody tuned. Exit 0:
// every bit right. 1: a wrong one, or CUDA failed. 77: nothing here that can be run.
#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tuned.h"

namespace {

constexpr int kSkipped = 77;

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

struct CudaFree {
  void operator()(void* memory) const { cudaFree(memory); }
};
using DeviceMemory = std::unique_ptr<void, CudaFree>;

DeviceMemory allocate_zeroed(std::size_t bytes) {
  void* memory = nullptr;
  if (bytes > 0) check(cudaMalloc(&memory, bytes), "cudaMalloc");
  DeviceMemory owner(memory);
  if (bytes > 0) check(cudaMemset(memory, 0, bytes), "cudaMemset");
  return owner;
}

template <class T>
DeviceMemory upload(const std::vector<T>& values) {
  DeviceMemory memory = allocate_zeroed(values.size() * sizeof(T));
  check(cudaMemcpy(memory.get(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  return memory;
}

// One layer's operands: quantized activations and weights with their scales.
struct Layer {
  std::size_t m, n, k;
  std::vector<signed char> x, w;  // [M, K], [N, K]
  std::vector<float> sx, sw;      // per token, per channel

  Layer(std::size_t m_, std::size_t n_, std::size_t k_) : m(m_), n(n_), k(k_), x(m * k), w(n * k), sx(m), sw(n) {
    std::minstd_rand random(1);
    for (auto* values : {&x, &w})
      for (signed char& value : *values) value = static_cast<signed char>(random() % 255) - 127;
    for (auto* scales : {&sx, &sw})
      for (float& scale : *scales) scale = 1e-3f * static_cast<float>(1 + random() % 1000);
  }
};

// Round to nearest, ties to even.
std::uint16_t to_bf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

std::uint16_t expected(const Layer& layer, std::size_t row, std::size_t column) {
  const signed char* x = &layer.x[row * layer.k];
  const signed char* w = &layer.w[column * layer.k];
  int sum = 0;
  for (std::size_t i = 0; i < layer.k; ++i) sum += x[i] * w[i];
  return to_bf16(static_cast<float>(sum) * layer.sx[row] * layer.sw[column]);
}

// bf16 [M, N], by the kernel of `row`.
std::vector<std::uint16_t> run_on_gpu(const ditune_tuned::Row& row, const Layer& layer) {
  const auto m = static_cast<long long>(layer.m);
  std::vector<std::uint16_t> y(layer.m * layer.n);
  const DeviceMemory x = upload(layer.x), w = upload(layer.w), sx = upload(layer.sx), sw = upload(layer.sw);
  const DeviceMemory out = allocate_zeroed(y.size() * sizeof y[0]);
  const DeviceMemory workspace = allocate_zeroed(static_cast<std::size_t>(plan(row, m).workspace_bytes));

  ditune_tuned::GemmArgs args{};
  args.x = static_cast<const signed char*>(x.get());
  args.w = static_cast<const signed char*>(w.get());
  args.y = out.get();
  args.sx = static_cast<const float*>(sx.get());
  args.sw = static_cast<const float*>(sw.get());
  args.workspace = workspace.get();
  args.m = m, args.n = row.n, args.k = row.k;
  args.ldx = row.k, args.ldw = row.k, args.ldy = row.n;
  if (const char* error = argument_error(row, args)) throw std::runtime_error(error);
  check(launch(row, args, nullptr), "launch");
  check(cudaMemcpy(y.data(), out.get(), y.size() * sizeof y[0], cudaMemcpyDeviceToHost), "the kernel");
  return y;
}

// The row for this GPU and M, of the first layer in the header that has one; if none has, a fallback.
std::optional<ditune_tuned::Row> choose(const cudaDeviceProp& gpu, long long m) {
  const int arch = 10 * gpu.major + gpu.minor;
  for (const ditune_tuned::Row& row : ditune_tuned::rows)
    if (const auto* found = ditune_tuned::find(gpu.name, arch, m > 0 ? m : row.m_tuned, row.n, row.k)) return *found;
  return ditune_tuned::fallback(arch, ditune_tuned::rows[0].n, ditune_tuned::rows[0].k);
}

int run_layer(long long m) {
  int gpus = 0;
  if (cudaGetDeviceCount(&gpus) != cudaSuccess || gpus == 0) {
    std::printf("skipped: there is no GPU\n");
    return kSkipped;
  }
  cudaDeviceProp gpu{};
  check(cudaGetDeviceProperties(&gpu, 0), "cudaGetDeviceProperties");
  const std::optional<ditune_tuned::Row> row = choose(gpu, m);
  if (!row) {
    std::printf("skipped: tuned.h has nothing for %s\n", gpu.name);
    return kSkipped;
  }
  const bool fell_back = row->source == ditune_tuned::Source::fallback;
  if (m <= 0) m = fell_back ? ditune_tuned::rows[0].m_tuned : row->m_tuned;
  const Layer layer(static_cast<std::size_t>(m), static_cast<std::size_t>(row->n), static_cast<std::size_t>(row->k));
  const std::vector<std::uint16_t> y = run_on_gpu(*row, layer);
  std::size_t wrong = 0;
  for (const std::size_t r : {std::size_t{0}, layer.m / 2, layer.m - 1})
    for (std::size_t c = 0; c < layer.n; ++c) wrong += y[r * layer.n + c] != expected(layer, r, c);
  std::printf("%s: %lldx%lldx%lld by %s%s: %s in 3 rows, %zu wrong\n", gpu.name, m, row->n, row->k, row->config.data(),
              fell_back ? " (a fallback: tuned.h has nothing for this GPU)" : "",
              wrong == 0 ? "every bit right" : "WRONG", wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_layer(argc > 1 ? std::atoll(argv[1]) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_layer: %s\n", error.what());
    return 1;
  }
}
