// SPDX-License-Identifier: Apache-2.0
// The reference kernel on emulated threads: what CUDA C++ has besides hardware.cuh is made up here.
#include "catch.hpp"
#include "emulation/emulate.hpp"
#include "hardware.cuh"
#include "quantize_case.hpp"
#include "quantize_cases.hpp"

namespace ditune::test {

struct Place {
  int x;
};

inline Place thread_place() { return {thread_index()}; }
inline Place block_place() { return {static_cast<int>(block_index())}; }

}  // namespace ditune::test

#define __device__
#define __shared__ static  // of the one CTA that runs
#define threadIdx ditune::test::thread_place()
#define blockIdx ditune::test::block_place()
#define __syncthreads() ditune::block_barrier()

#include "quantize_reference.cuh"

using namespace ditune;
using namespace ditune::test;

namespace {

// What the reference makes of a case, in the plain loop's form.
Outputs referred(const QuantizeCase& given, unsigned seed) {
  QuantizeReferenceArgs all{given.args, given.prologue()};
  Arguments arguments = given.args;
  Outputs outputs;
  for (const Operand& operand : quantize_operands(given.prologue(), given.args)) {
    if (!operand.is_present || operand.role != Role::output) continue;
    outputs.emplace_back(static_cast<std::size_t>(operand.bytes()), std::byte{0xa5});
    set_pointer(arguments, operand, outputs.back().data());
  }
  all.quantize = std::get<QuantizeArgs>(arguments);
  const emulation::Report report = emulation::emulate(
      {.kernel = "reference",
       .grid = static_cast<int>(given.args.m),
       .block = kVerificationThreads,
       .seed = seed,
       .resident = 1},
      {}, [&] { ditune_quantize_reference(all); }, emulation::running());
  REQUIRE(report.fault.empty());
  return outputs;
}

// Bit for bit, but that any NaN is any other.
bool are_same(const QuantizeCase& given, const Outputs& a, const Outputs& b) {
  if (a.size() != b.size()) return false;
  std::size_t next = 0;
  for (const Operand& operand : quantize_operands(given.prologue(), given.args)) {
    if (!operand.is_present || operand.role != Role::output) continue;
    const std::vector<float> of_a = floats(a[next], operand.type), of_b = floats(b[next], operand.type);
    ++next;
    if (of_a.size() != of_b.size()) return false;
    for (std::size_t i = 0; i < of_a.size(); ++i)
      if (!(std::isnan(of_a[i]) && std::isnan(of_b[i])) && emulation::bits_of(of_a[i]) != emulation::bits_of(of_b[i]))
        return false;
  }
  return true;
}

bool agree(const QuantizeCase& given, unsigned seed = 1) { return are_same(given, referred(given, seed), given.run()); }

}  // namespace

TEST_CASE("the reference gives the bits of the plain loop, whatever the step and the output") {
  unsigned seed = 0;
  for (const char* text : kQuantizeCases)
    for (const QuantizedType out : {QuantizedType::s8, QuantizedType::bf16, QuantizedType::f16}) {
      INFO(text << " out=" << static_cast<int>(out));
      ++seed;
      CHECK(agree(QuantizeCase(with_output(text, out), seed), seed));
    }
}

TEST_CASE("the reference gives the bits of the plain loop with a given scale") {
  for (const char* text : {"m=2,k=300,scale=tensor", "m=2,k=512,x=f16,rotate=256,scale=tensor"}) {
    for (const float scale : {0x1p-5F, 0.0F, -0x1p-4F, std::nanf("")}) {
      QuantizeCase given(Kind<Quantize>::parse(text));
      given.set("scale", 0, 0, scale);
      given.set("x", 1, 7, INFINITY);
      given.set("x", 1, 8, 0);
      INFO(text << " " << scale);
      CHECK(agree(given));
    }
  }
}

TEST_CASE("the reference gives the bits of the plain loop of rows of zeros, of subnormals and of what is no number") {
  for (const char* text : {"m=1,k=300,x=f32", "m=1,k=300,x=f32,norm=rms", "m=1,k=300,x=f32,norm=layer",
                           "m=1,k=512,x=f32,rotate=256", "m=1,k=300,x=f32,out=f16", "m=1,k=300,x=f32,out=bf16"}) {
    for (const float v :
         {0.0F, -0.0F, 0x1p-149F, 0x1.8p-140F, 0x1p-126F, 0x1.fffffep127F, INFINITY, -INFINITY, std::nanf("")}) {
      QuantizeCase given(Kind<Quantize>::parse(text));
      INFO(text << " " << v);
      given.set("x", 0, 299, v);
      CHECK(agree(given));
      given.set_row("x", std::vector<float>(static_cast<std::size_t>(given.args.k), v));
      CHECK(agree(given));
    }
  }
}

TEST_CASE("the reference gives the bits of the plain loop of the longest rows") {
  for (const char* text : {"m=1,k=131071,norm=layer", "m=1,k=65536,norm=rms", "m=1,k=65537,x=f32,norm=layer"}) {
    INFO(text);
    CHECK(agree(QuantizeCase(Kind<Quantize>::parse(text))));
  }
}
