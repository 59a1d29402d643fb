// SPDX-License-Identifier: Apache-2.0
// Activation functions of one argument, as exact sequences of float32 steps: the same bits on every GPU and on the CPU.
// docs/numerics.md defines them step by step and gives their errors. There is no division and no hardware
// approximation, since a CPU could not match one.
//
// silu and both gelus are relu(x) - tail(|x|). So large x come out exactly, and nothing cancels at negative x.
// Magnitudes are clamped where the tail is far below 2^-30, so that no power of two overflows. NaN gives NaN.
//
// Polynomials are minimax fits by iteratively reweighted least squares. Their scales and centers are free, and were
// chosen so that coefficients lose little when they are rounded to float32.
#pragma once

#include "hardware.cuh"

namespace ditune {

// 2^t = scale * 2^f, where scale = 2^n and |f| is at most 1/2.
struct PowerOfTwo {
  float scale;
  float f;
};

// t = a * b, which is not rounded; |t| is at most 125. Adding 1.5 * 2^23 rounds to an integer; 127 more make the lowest
// bits the exponent field of 2^n.
DITUNE_DEVICE PowerOfTwo power_of_two(float a, float b) {
  constexpr float kRound = 12582912.0f + 127.0f;
  const float shifted = multiply_add(a, b, kRound);
  const float n = add(shifted, -kRound);
  return {float_from_bits(float_bits(shifted) << 23), multiply_add(a, b, -n)};
}

// c0 + c1 v + c2 v^2 + ...
DITUNE_DEVICE float polynomial(float, float c) { return c; }
template <class... Floats>
DITUNE_DEVICE float polynomial(float v, float c0, Floats... c) {
  return multiply_add(v, polynomial(v, c...), c0);
}

// The reciprocal below is a cubic of z = d * seed that approximates kQuotient / z. With this numerator the cubic's
// leading coefficient is -1, which saves an instruction.
constexpr float kQuotient = 0x1.0e92c6p-2f;

struct Reciprocal {  // seed * factor
  float seed;
  float factor;
};

// 1 / (1 + 2^t), from e = kQuotient * 2^f.
DITUNE_DEVICE Reciprocal logistic(const PowerOfTwo& power, float e) {
  const float d = multiply_add(e, power.scale, kQuotient);
  // The difference of the bits is nearly a difference of logarithms.
  const float seed = float_from_bits(0x7eb50800u - float_bits(d));  // d * seed is 0.7179 +- 1.5%
  const float w = multiply_add(-d, seed, 0x1.e97a6ep-1f);
  const float square = multiply_add(w, w, 0x1.5ed29p-2f);
  return {seed, multiply_add(square, w, 0x1.17893ep-2f)};  // kQuotient / z
}

// relu(x) - magnitude / (1 + 2^t)
DITUNE_DEVICE float relu_less_tail(float x, float magnitude, const Reciprocal& r) {
  return multiply_add(-multiply(magnitude, r.seed), r.factor, maximum(x, 0.0f));
}

// kQuotient * 2^f
DITUNE_DEVICE float quotient_power(float f) {
  return polynomial(f, kQuotient, 0x1.77181cp-3f, 0x1.03fdbap-4f, 0x1.e09a0ep-7f, 0x1.4ef57p-9f, 0x1.6f8592p-12f);
}

constexpr float kLog2E = 0x1.715476p0f;
constexpr float kExponentialClamp = 85.0f;  // e^-85 is 2^-122.6

DITUNE_DEVICE float sigmoid(float x) {
  const float clamped = minimum(maximum(x, -kExponentialClamp), kExponentialClamp);
  const PowerOfTwo power = power_of_two(clamped, -kLog2E);
  const Reciprocal r = logistic(power, quotient_power(power.f));
  return multiply(r.seed, r.factor);
}

// x * sigmoid(x)
DITUNE_DEVICE float silu(float x) {
  const float magnitude = minimum(absolute(x), kExponentialClamp);
  const PowerOfTwo power = power_of_two(magnitude, kLog2E);
  return relu_less_tail(x, magnitude, logistic(power, quotient_power(power.f)));
}

// x * sigmoid(2u), u = sqrt(2 / pi) * (x + 0.044715 x^3). 2u * log2(e) is a cubic, expanded at a point that keeps its
// rounding small where the tail is; its value there is a factor of the power's polynomial.
DITUNE_DEVICE float gelu_tanh(float x) {
  const float magnitude = minimum(absolute(x), 9.5f);
  const float b = add(magnitude, -0x1.ff6p0f);
  const PowerOfTwo power = power_of_two(b, polynomial(b, 0x1.c46aecp1f, 0x1.3bdb08p-1f, 0x1.a5a7dp-4f));
  const float e =
      polynomial(power.f, 0x1.69d6dep3f, 0x1.f59d9ap2f, 0x1.5baf94p1f, 0x1.415acap-1f, 0x1.c0214ap-4f, 0x1.ebecp-7f);
  return relu_less_tail(x, magnitude, logistic(power, e));
}

// x * Phi(x). log2(Phi(-|x|)) is smooth enough for a polynomial, expanded as above.
DITUNE_DEVICE float gelu_erf(float x) {
  const float magnitude = minimum(absolute(x), 8.5f);
  const float b = add(magnitude, -0x1.717p0f);
  const PowerOfTwo power =
      power_of_two(b, polynomial(b, -0x1.5d18e4p1f, -0x1.38512ep-1f, -0x1.5487a2p-6f, 0x1.d13202p-9f, -0x1.05605p-11f,
                                 0x1.5d7922p-15f, 0x1.16949ap-18f, -0x1.199cdep-19f, 0x1.f6030ep-23f));
  const float e = polynomial(power.f, 0x1.3120a2p-4f, 0x1.a6ff1p-5f, 0x1.25313cp-6f, 0x1.0efcfp-8f, 0x1.79e4c6p-11f,
                             0x1.9ed268p-14f);
  return multiply_add(-multiply(magnitude, e), power.scale, maximum(x, 0.0f));
}

}  // namespace ditune
