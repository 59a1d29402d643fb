#include "tuner/operands.hpp"

namespace ditune {
namespace {

// From the first element to the last of rows `stride` apart.
std::size_t span_of(std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  return static_cast<std::size_t>((rows - 1) * stride + columns);
}

std::size_t bias_bytes(Bias bias) {
  if (bias == Bias::none) return 0;
  return bias == Bias::f32 ? 4 : 2;
}

// How many values each operand holds.
struct Counts {
  std::size_t x, w, sx, sw, bias, y;
};

Counts counts_of(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides) {
  const bool scaled = epilogue.out != Output::s32;
  const auto m = static_cast<std::size_t>(problem.m), n = static_cast<std::size_t>(problem.n);
  return {
      .x = span_of(problem.m, problem.k, strides.x),
      .w = span_of(problem.n, problem.k, strides.w),
      .sx = !scaled                        ? 0
            : epilogue.sx == ScaleX::token ? m
                                           : 1,
      .sw = !scaled                          ? 0
            : epilogue.sw == ScaleW::channel ? n
                                             : 1,
      .bias = epilogue.bias == Bias::none ? 0 : n,
      .y = span_of(problem.m, problem.n, strides.y),
  };
}

DeviceBuffer allocate(std::size_t bytes) { return bytes == 0 ? DeviceBuffer() : DeviceBuffer(bytes); }

}  // namespace

Strides packed_strides(const GemmProblem& problem) { return {problem.k, problem.k, problem.n}; }

std::size_t operand_bytes(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides) {
  const Counts counts = counts_of(problem, epilogue, strides);
  return counts.x + counts.w + 4 * (counts.sx + counts.sw) + counts.bias * bias_bytes(epilogue.bias) +
         counts.y * static_cast<std::size_t>(output_bytes(epilogue.out));
}

Operands::Operands(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides, int sets,
                   std::uint64_t seed, const ReferenceKernels& kernels, const Stream& stream)
    : problem_(problem), epilogue_(epilogue), strides_(strides) {
  output_bytes_ =
      counts_of(problem, epilogue, strides).y * static_cast<std::size_t>(ditune::output_bytes(epilogue.out));
  std::mt19937_64 seeds(seed);
  for (int set = 0; set < sets; ++set) sets_.push_back(make_set(seeds, kernels, stream));
  stream.synchronize();
}

Operands::Set Operands::make_set(std::mt19937_64& seeds, const ReferenceKernels& kernels, const Stream& stream) const {
  const Counts counts = counts_of(problem_, epilogue_, strides_);
  Set set{
      .x = allocate(counts.x),
      .w = allocate(counts.w),
      .sx = allocate(4 * counts.sx),
      .sw = allocate(4 * counts.sw),
      .bias = allocate(counts.bias * bias_bytes(epilogue_.bias)),
      .y = allocate(output_bytes_ + 2 * kGuardBytes),
  };
  kernels.fill_int8(set.x.get(), static_cast<std::int64_t>(counts.x), seeds(), stream);
  kernels.fill_int8(set.w.get(), static_cast<std::int64_t>(counts.w), seeds(), stream);
  kernels.fill_scales(set.sx.get(), static_cast<std::int64_t>(counts.sx), seeds(), stream);
  kernels.fill_scales(set.sw.get(), static_cast<std::int64_t>(counts.sw), seeds(), stream);
  kernels.fill_bias(set.bias.get(), static_cast<std::int64_t>(counts.bias), epilogue_.bias, seeds(), stream);
  return set;
}

GemmArgs Operands::args(int index) const {
  const Set& set = sets_.at(static_cast<std::size_t>(index));
  GemmArgs args = {};
  args.x = set.x.as<const signed char>();
  args.w = set.w.as<const signed char>();
  args.y = set.y.as<unsigned char>() + kGuardBytes;
  args.sx = set.sx.as<const float>();
  args.sw = set.sw.as<const float>();
  args.bias = set.bias.get();
  args.m = problem_.m;
  args.n = problem_.n;
  args.k = problem_.k;
  args.ldx = strides_.x;
  args.ldw = strides_.w;
  args.ldy = strides_.y;
  return args;
}

}  // namespace ditune
