// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantize_s8/plain_quantize.hpp"

#include <algorithm>
#include <random>

#include "catch.hpp"
#include "exact_row.hpp"
#include "quantize_case.hpp"
#include "quantize_cases.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Quantize parse(const std::string& text) { return Kind<Quantize>::parse(text); }

double largest(const Doubles& v) {
  double most = 0;
  for (const double value : v) most = std::fmax(most, std::fabs(value));
  return most;
}

// Half of the last place of a value of the type, of normal numbers; and what float32 steps add in a row whose largest
// value is so large.
bool is_near(double value, double exact, double half_place, double row_largest) {
  return std::fabs(value - exact) <= half_place * std::fabs(exact) * (1 + 1e-3) + 4e-6 * row_largest + 0x1p-25;
}

double half_place(InputType type) { return type == InputType::bf16 ? 0x1p-8 : type == InputType::f16 ? 0x1p-11 : 0; }

// The row of an output of so many columns.
Doubles row_of(const std::vector<float>& values, std::int64_t m, std::int64_t columns) {
  return Doubles(values.begin() + m * columns, values.begin() + (m + 1) * columns);
}

// The values that rows go on with: h as it was rounded, which must be near the exact one.
Doubles checked_h(const ExactRow& exact, const Quantized& got) {
  if (exact.prologue().residual == Branch::none) return exact.input();
  const Doubles h = row_of(got.h, exact.m, exact.columns()), exact_h = exact.h();
  bool all_near = true;
  for (std::size_t k = 0; k < h.size(); ++k)
    all_near &= is_near(h[k], exact_h[k], half_place(exact.prologue().x), largest(exact_h));
  CHECK(all_near);
  return h;
}

void check_quantized(const Quantized& got, const Doubles& q, const Doubles& v, std::int64_t m) {
  const double scale = got.scale.at(static_cast<std::size_t>(m)), most = largest(v);
  if (most == 0) {
    CHECK((scale == 0 && largest(q) == 0));
    return;
  }
  CHECK(scale == Approx(most / 127).epsilon(1e-5));
  bool all_near = true;
  for (std::size_t k = 0; k < v.size(); ++k) all_near &= std::fabs(q[k] - v[k] * 127 / most) <= 0.5 + 2e-3;
  CHECK(all_near);
}

void check_rows(const QuantizeCase& given) {
  const Quantized got = given.quantized();
  const std::int64_t columns = given.args.k;
  REQUIRE(got.q.size() == static_cast<std::size_t>(given.args.m * columns));
  for (std::int64_t m = 0; m < given.args.m; ++m) {
    const ExactRow exact{given, m};
    const Doubles v = exact.prepared(checked_h(exact, got)), q = row_of(got.q, m, columns);
    if (given.prologue().out == QuantizedType::s8) {
      check_quantized(got, q, v, m);
      continue;
    }
    bool all_near = true;
    for (std::size_t k = 0; k < v.size(); ++k)
      all_near &= is_near(q[k], v[k], given.prologue().out == QuantizedType::bf16 ? 0x1p-8 : 0x1p-11, largest(v));
    CHECK(all_near);
  }
}

// One row of float32, and what a prologue makes of it.
Quantized of_row(const std::string& prologue, const std::vector<float>& x) {
  QuantizeCase given(parse("m=1,k=" + std::to_string(x.size()) + ",x=f32" + prologue));
  given.set_row("x", x);
  return given.quantized();
}

std::vector<float> gaussian_row(std::size_t columns, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> gaussian;
  std::vector<float> row(columns);
  for (float& v : row) v = gaussian(engine);
  return row;
}

}  // namespace

TEST_CASE("a row worked out by hand: ties to even, the largest value 127") {
  const Quantized got = of_row("", {127, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -127, 3.25F, 0});
  CHECK(got.q == std::vector<float>{127, 0, 2, 2, 0, -2, -127, 3, 0});
  CHECK(got.scale == std::vector<float>{1});
  CHECK(of_row("", {-3, 1}).q == std::vector<float>{-127, 42});
  CHECK(of_row("", {-3, 1}).scale == std::vector{3.0F / 127});
}

TEST_CASE("the product with the factor is rounded once, to a whole number") {
  std::vector<float> values = gaussian_row(20000, 3);
  int ties = 0;
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
    const float a = std::fabs(values[i]) + std::fabs(values[i + 1]), factor = 127 / a;
    // A value whose product with the factor is beside a tie.
    const float v = (std::floor(values[i] * factor) + 0.5F) / factor;
    const double exact = std::nearbyint(static_cast<double>(v) * factor);
    if (exact == std::nearbyint(v * factor)) continue;
    ++ties;
    REQUIRE(of_row("", {a, v}).q == std::vector<float>{127, static_cast<float>(exact)});
  }
  CHECK(ties > 100);
}

TEST_CASE("every step is near its formula, with every output") {
  for (const char* text : kQuantizeCases)
    for (const QuantizedType out : {QuantizedType::f16, QuantizedType::bf16, QuantizedType::s8}) {
      INFO(text << " out=" << static_cast<int>(out));
      check_rows(QuantizeCase(with_output(text, out)));
    }
}

TEST_CASE("a sum adds pairs of an octet, and octets half of their number apart") {
  // What is left of 70 beside 2^30 tells the order: floats there are 64 apart below, 128 apart above. The mean is seen
  // at a column of 0.
  const auto mean_of = [](const std::vector<float>& row, std::size_t zero) {
    const Quantized got = of_row(",norm=layer,out=bf16", row);
    return -got.q[zero] / got.q[0] * row[0] * static_cast<float>(row.size());
  };
  const float big = 0x1p30F;
  std::vector<float> octet(8);
  octet[0] = big, octet[2] = 70, octet[3] = -big;  // (2^30 + 0) + (70 - 2^30); in a row it would be 128
  CHECK(mean_of(octet, 7) == Approx(64).epsilon(0.02));
  std::vector<float> halves(8);
  halves[0] = big, halves[4] = 70, halves[6] = -big;  // 2^30 + ((70 + 0) + (-2^30 + 0)); in a row it would be 128
  CHECK(mean_of(halves, 7) == Approx(64).epsilon(0.02));
  std::vector<float> octets(24);
  octets[0] = big, octets[8] = 70, octets[16] = -big;  // (S0 + S2) + (S1 + 0); neighbours first would be 128
  CHECK(mean_of(octets, 7) == Approx(70).epsilon(0.02));
  std::vector<float> many(8 * 5);
  many[0] = big, many[16] = 70, many[32] = -big;  // P = 8: S0 + S4 is first. P = 5 rounded down would add S0 + S2
  CHECK(mean_of(many, 7) == Approx(70).epsilon(0.02));
}

TEST_CASE("squares are fused with the other square of their pair") {
  int told_apart = 0;
  for (unsigned seed = 0; seed < 64; ++seed) {
    const std::vector<float> row = gaussian_row(2, seed);
    const float a = row[0], b = row[1], most = std::fmax(std::fabs(a), std::fabs(b));
    const auto scale = [&](float sum) { return most * (1.0F / std::sqrt(sum / 2.0F + 1e-6F)) / 127.0F; };
    const float expected = scale(std::fma(a, a, b * b));
    CHECK(of_row(",norm=rms", row).scale == std::vector{expected});
    told_apart += scale(std::fma(b, b, a * a)) != expected || scale(a * a + b * b) != expected ? 1 : 0;
  }
  CHECK(told_apart > 4);
}

TEST_CASE("a sum of negative zeros is a positive zero") {
  const Quantized got = of_row(",norm=layer,out=bf16", std::vector<float>(8, -0.0F));
  for (const float v : got.q) CHECK(std::signbit(v));  // -0 - (+0); of a mean of -0 it would be +0
}

TEST_CASE("the rotation is the Kronecker matrix over the root of its columns") {
  for (const int group : {16, 64, 256}) {
    // A unit row gives a column of the matrix; each entry is exact.
    const auto columns = static_cast<std::size_t>(group);
    const std::string prologue = ",out=bf16,rotate=" + std::to_string(group);
    bool are_equal = true;
    for (int j = 0; j < group; ++j) {
      std::vector<float> unit(columns);
      unit[static_cast<std::size_t>(j)] = 1;
      const Quantized got = of_row(prologue, unit);
      for (int i = 0; i < group; ++i)
        are_equal &= got.q[static_cast<std::size_t>(i)] == hadamard(group, i, j) / std::sqrt(static_cast<float>(group));
    }
    CHECK(are_equal);
  }
}

TEST_CASE("a row of zeros is zeros with a scale of zero") {
  for (const char* prologue : {"", ",norm=rms", ",norm=layer", ",act=silu"}) {
    for (const float zero : {0.0F, -0.0F}) {
      const Quantized got = of_row(prologue, std::vector<float>(9, zero));
      CHECK(got.q == std::vector<float>(9));
      CHECK(got.scale == std::vector<float>{0});
    }
  }
}

TEST_CASE("a NaN or an infinity makes the scale of its row NaN and its values zero, and leaves other rows alone") {
  for (const float v : {std::nanf(""), INFINITY, -INFINITY}) {
    for (const char* text : {"m=3,k=11,x=f32", "m=3,k=11,norm=rms", "m=3,k=16,x=f16,rotate=16"}) {
      QuantizeCase given(parse(text));
      const Quantized before = given.quantized();
      given.set("x", 1, 10, v);
      const Quantized got = given.quantized();
      INFO(text << " " << v);
      CHECK((got.scale[0] == before.scale[0] && std::isnan(got.scale[1]) && got.scale[2] == before.scale[2]));
      const auto columns = given.args.k;
      CHECK(row_of(got.q, 0, columns) == row_of(before.q, 0, columns));
      CHECK(row_of(got.q, 1, columns) == Doubles(static_cast<std::size_t>(columns)));
      CHECK(row_of(got.q, 2, columns) == row_of(before.q, 2, columns));
    }
  }
}

TEST_CASE("a row of subnormals is quantized as far as a float holds the factor") {
  // 127 / a overflows: the factor is the largest float, 2^128 less 2^104.
  const Quantized got = of_row("", {0x1p-122F, 0x1p-126F, -0x1p-127F, 0x1p-128F, 0x1p-130F, 0x1p-149F});
  CHECK(got.q == std::vector<float>{64, 4, -2, 1, 0, 0});
  CHECK(got.scale == std::vector{0x1p-122F / 127});
  CHECK(of_row("", {0x1p-149F}).q == std::vector<float>{0});
  CHECK(of_row("", {0x1p-149F}).scale == std::vector<float>{0});
}

TEST_CASE("h may be written over x: arguments are not touched") {
  for (const char* text : {"m=3,k=300,residual=add,norm=rms", "m=3,k=300,x=f32,residual=gate_rms,norm=layer"}) {
    QuantizeCase given(parse(text));
    const Outputs apart = given.run();
    const std::vector<std::byte> x = given.memory("x");
    given.args.h = given.memory("x").data();
    given.args.ldh = given.args.ldx;
    CHECK(given.run() == apart);
    CHECK(given.memory("x") == x);
  }
}

TEST_CASE("outputs are h, q and the scales, each if the prologue has it, of rows without gaps") {
  const auto sizes = [](const char* text) {
    std::vector<std::size_t> bytes;
    for (const std::vector<std::byte>& output : QuantizeCase(parse(text)).run()) bytes.push_back(output.size());
    return bytes;
  };
  using Sizes = std::vector<std::size_t>;
  CHECK(sizes("m=3,k=5") == Sizes{15, 12});
  CHECK(sizes("m=3,k=5,scale=tensor") == Sizes{15});
  CHECK(sizes("m=3,k=5,out=f16") == Sizes{30});
  CHECK(sizes("m=3,k=5,residual=add") == Sizes{30, 15, 12});
  CHECK(sizes("m=3,k=5,x=f32,residual=add,out=bf16") == Sizes{60, 30});
}

TEST_CASE("a given scale divides, and what is beyond 127 is clamped") {
  QuantizeCase given(parse("m=1,k=10,x=f32,scale=tensor"));
  given.set("scale", 0, 0, 0.25F);
  given.set_row("x", {1, 0.125F, 0.375F, -0.375F, 31.75F, 32, 1e30F, -1e30F, INFINITY, std::nanf("")});
  CHECK(given.quantized().q == std::vector<float>{4, 0, 2, -2, 127, 127, 127, -127, 127, 0});
  given.set("scale", 0, 0, 3);  // by 1 / 3, rounded: that is less than 1 / 3, and 4.5 of it less than a tie
  given.set_row("x", {3, 13.5F, -INFINITY});
  CHECK(given.quantized().q[0] == 1);
  CHECK(given.quantized().q[1] == std::nearbyint(13.5F * (1.0F / 3.0F)));
  CHECK(given.quantized().q[2] == -127);
}

TEST_CASE("halves are rounded to nearest, ties to even, and what is too large is infinite") {
  // 1 and the next two bf16 with the ties between them.
  CHECK(of_row(",out=bf16", {1.00390625F, 1.01171875F, -1.004F}).q == std::vector<float>{1, 1.015625F, -1.0078125F});
  CHECK(of_row(",out=f16", {65519, 65520, -65520, 1.00048828125F, 0x1p-25F}).q ==
        std::vector<float>{65504, INFINITY, -INFINITY, 1, 0});
}

// ---- what it is for

namespace {

// Rows of Gaussian values at a width of DiTs; their first `loud` channel is a hundred times the rest.
QuantizeCase wide(const std::string& prologue, bool has_loud_channel) {
  QuantizeCase given(parse("m=4,k=4608" + prologue), 7);
  if (has_loud_channel)
    for (std::int64_t m = 0; m < given.args.m; ++m) given.set("x", m, 1234, 100 * given.get("x", m, 1234));
  return given;
}

// The distance of q * scale from the exact rows, of their length, both over all rows.
double relative_error(const QuantizeCase& given) {
  const Quantized got = given.quantized();
  double apart = 0, length = 0;
  for (std::int64_t m = 0; m < given.args.m; ++m) {
    const ExactRow exact{given, m};
    const Doubles v = exact.prepared(checked_h(exact, got)), q = row_of(got.q, m, given.args.k);
    for (std::size_t k = 0; k < v.size(); ++k) {
      const double error = q[k] * static_cast<double>(got.scale[static_cast<std::size_t>(m)]) - v[k];
      apart += error * error;
      length += v[k] * v[k];
    }
  }
  return std::sqrt(apart / length);
}

}  // namespace

TEST_CASE("Gaussian rows of 4608 columns keep 99% of themselves") {
  for (const char* prologue :
       {"", ",norm=rms", ",norm=layer", ",rotate=256", ",residual=gate,norm=rms,rotate=256", ",x=f16", ",x=f32"})
    CHECK(relative_error(wide(prologue, false)) < 0.01);
}

TEST_CASE("a loud channel costs less than a quarter with the rotation of 256") {
  const double rotated = relative_error(wide(",rotate=256", true)), plain = relative_error(wide("", true));
  INFO(rotated << " of " << plain);
  CHECK(rotated < plain / 4);
}

TEST_CASE("values differ from the rounded quotient by at most one, and seldom") {
  // Of float32 fewer than 1 in 10,000. Of bf16 more: its rows have exact ties, which a rounded factor breaks.
  for (const auto& [type, most_of_10000] : {std::pair{"f32", 1}, {"f16", 5}, {"bf16", 20}}) {
    INFO(type);
    const QuantizeCase given(parse(std::string("m=32,k=4608,x=") + type), 11);
    const Quantized got = given.quantized();
    std::int64_t others = 0;
    float most = 0;
    for (std::int64_t m = 0; m < given.args.m; ++m)
      for (std::int64_t k = 0; k < given.args.k; ++k) {
        const float q = got.q[static_cast<std::size_t>(m * given.args.k + k)];
        const float apart =
            std::fabs(q - std::nearbyint(given.get("x", m, k) / got.scale[static_cast<std::size_t>(m)]));
        most = std::fmax(most, apart);
        others += apart != 0 ? 1 : 0;
      }
    CHECK(most <= 1);
    CHECK(others * 10000 < most_of_10000 * given.args.m * given.args.k);
  }
}
