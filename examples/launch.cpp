// SPDX-License-Identifier: Apache-2.0
// Runs a layer through the C++ API, y = (Xq * Wq^T) * sx * sw in float32, and checks rows of it against a CPU loop.
// Links ditune::ditune and the CUDA runtime.
//
//   launch_cpp [DATABASE]
//
// Without a database the kernel is the cost model's choice, compiled where NVRTC is installed, or one that is built in.
// Exit 0: every bit right. 1: a wrong one, or something failed. 77: there is no GPU.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <vector>

#include "ditune/runtime.hpp"
#include "operands.hpp"

namespace {

using namespace example;

constexpr std::int64_t kRows = 1000, kColumns = 3072, kInner = 3072;

struct Layer {
  std::vector<signed char> x, w;  // [M, K], [N, K]
  std::vector<float> sx, sw;      // per token, per channel
};

Layer random_layer() {
  std::minstd_rand random(1);
  Layer layer;
  layer.x = random_int8(kRows * kInner, random);
  layer.w = random_int8(kColumns * kInner, random);
  layer.sx = random_scales(kRows, random);
  layer.sw = random_scales(kColumns, random);
  return layer;
}

float expected(const Layer& layer, std::size_t row, std::size_t column) {
  const signed char* x = &layer.x[row * kInner];
  const signed char* w = &layer.w[column * kInner];
  int sum = 0;
  for (std::int64_t i = 0; i < kInner; ++i) sum += x[i] * w[i];
  return static_cast<float>(sum) * layer.sx[row] * layer.sw[column];
}

// [M, N]
std::vector<float> run_on_gpu(const ditune::Runtime& runtime, const Layer& layer) {
  // Once for each layer and M: finds, loads and where need be compiles.
  const ditune::Gemm gemm{.m = kRows, .n = kColumns, .k = kInner, .epilogue = ditune::parse_epilogue("out=f32")};
  const ditune::Prepared& prepared = runtime.prepare(gemm, 0);
  std::printf("%s, match: %.*s\n", prepared.config_text().c_str(), static_cast<int>(format(prepared.match()).size()),
              format(prepared.match()).data());
  if (!prepared.note().empty()) std::printf("%s\n", prepared.note().c_str());

  const Stream stream = make_stream();
  const DeviceMemory x = upload(layer.x), w = upload(layer.w), sx = upload(layer.sx), sw = upload(layer.sw);
  const DeviceMemory y = allocate_zeroed(kRows * kColumns * sizeof(float));
  const DeviceMemory workspace = allocate_zeroed(static_cast<std::size_t>(prepared.workspace_bytes()));

  // Then as often as there is something to multiply.
  ditune::GemmArgs args{};
  args.x = static_cast<const signed char*>(x.get());
  args.w = static_cast<const signed char*>(w.get());
  args.y = y.get();
  args.sx = static_cast<const float*>(sx.get());
  args.sw = static_cast<const float*>(sw.get());
  args.workspace = workspace.get();
  args.m = kRows, args.n = kColumns, args.k = kInner;
  args.ldx = kInner, args.ldw = kInner, args.ldy = kColumns;
  runtime.launch(prepared, args, stream.get());
  check(cudaStreamSynchronize(stream.get()), "the kernel");
  return download<float>(y, kRows * kColumns);
}

int launch(const char* database) {
  if (!has_gpu()) {
    std::printf("skipped: there is no GPU\n");
    return kSkipped;
  }
  ditune::RuntimeOptions options;
  if (database) options.databases = {database};
  const ditune::Runtime runtime(options);

  const Layer layer = random_layer();
  const std::vector<float> y = run_on_gpu(runtime, layer);
  std::size_t wrong = 0;
  for (const std::size_t row : {std::int64_t{0}, kRows / 2, kRows - 1})
    for (std::size_t column = 0; column < kColumns; ++column)
      wrong += y[row * kColumns + column] != expected(layer, row, column);
  std::printf("%s in 3 rows, %zu wrong\n", wrong == 0 ? "every bit right" : "WRONG", wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return launch(argc > 1 ? argv[1] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "launch_cpp: %s\n", error.what());
    return 1;
  }
}
