// SPDX-License-Identifier: Apache-2.0
#include "core/operands.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>

#include "catch.hpp"

using namespace ditune;

namespace {

const Gemm kGemm{.m = 3, .n = 5, .k = 7, .epilogue = {.sw = ScaleW::tensor, .bias = Bias::bf16, .out = Output::f32}};

const Operand& row(const std::vector<Operand>& operands, const std::string& name) {
  for (const Operand& operand : operands)
    if (operand.name == name) return operand;
  throw std::out_of_range(name);
}

// A table of one output and one input, each of 4 rows of 16 bytes.
struct InPlace {
  Operand rows[2];
  InPlace(std::uintptr_t y, std::uintptr_t r, long long stride, unsigned may_be) {
    const auto at = [](std::uintptr_t address) { return reinterpret_cast<const void*>(address); };
    const OperandExtents y_extents{4, 16, 16, "ldy"}, r_extents{4, 16, stride, "ldr"};
    rows[0] = {"y", Role::output, Element::s8, Fill::none, true, y_extents, at(y), {}, may_be, ""};
    rows[1] = {"r", Role::input, Element::s8, Fill::none, true, r_extents, at(r), {}, 0, ""};
  }
  bool is_fault() const { return find_memory_fault(rows).operand != nullptr; }
};

}  // namespace

TEST_CASE("every pointer of the arguments is a row of the table, in the struct's order") {
  // They come first in the struct, and then the sizes.
  const std::vector<Operand> operands = operands_of(kGemm, arguments_of(kGemm), 1);
  REQUIRE(operands.size() == offsetof(GemmArgs, m) / sizeof(void*));
  std::set<std::size_t> strides;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    INFO(operands[i].name);
    CHECK(operands[i].at.data == i * sizeof(void*));
    CHECK((operands[i].at.stride != 0) == (operands[i].extents.stride_name != nullptr));
    if (operands[i].extents.stride_name) CHECK(strides.insert(operands[i].at.stride).second);
  }
  CHECK(strides == std::set<std::size_t>{offsetof(GemmArgs, ldx), offsetof(GemmArgs, ldw), offsetof(GemmArgs, ldy)});
}

TEST_CASE("a row reads and writes its pointer and its stride") {
  Arguments arguments = arguments_of(kGemm);
  const std::vector<Operand> before = operands_of(kGemm, arguments, 64);
  for (std::size_t i = 0; i < before.size(); ++i) {
    INFO(before[i].name);
    const auto* const data = reinterpret_cast<const void*>(16 * (i + 1));
    set_pointer(arguments, before[i], data);
    if (before[i].extents.stride_name) set_stride(arguments, before[i], 100 + static_cast<std::int64_t>(i));
    for (std::size_t other = 0; other < before.size(); ++other) {
      const Operand after = operands_of(kGemm, arguments, 64)[other];
      CHECK((after.data != nullptr) == (other <= i));
      if (other != i) continue;
      CHECK(after.data == data);
      if (after.extents.stride_name) CHECK(after.extents.stride == 100 + static_cast<std::int64_t>(i));
    }
  }
}

TEST_CASE("rows are as large as what a launch reads and writes") {
  const auto operands = operands_of(kGemm, arguments_of(kGemm), 64);
  CHECK(row(operands, "x").bytes() == 3 * 7);
  CHECK(row(operands, "w").bytes() == 5 * 7);
  CHECK(row(operands, "y").bytes() == 3 * 5 * 4);
  CHECK(row(operands, "sx").bytes() == 3 * 4);
  CHECK(row(operands, "sw").bytes() == 4);
  CHECK(row(operands, "bias").bytes() == 5 * 2);
  CHECK(row(operands, "workspace").bytes() == 64);
  CHECK(operand_bytes(kGemm, packed_strides(kGemm)) == 21 + 35 + 60 + 12 + 4 + 10);  // no workspace
  Strides apart = packed_strides(kGemm);
  apart.of[0] = 9;
  CHECK(row(operands_of(kGemm, apart), "x").bytes() == 2 * 9 + 7);
  CHECK(row(operands_of(kGemm, apart), "x").pitch() == 9);
}

TEST_CASE("scales and bias are there if the operation takes them") {
  const auto present = [](const Epilogue& epilogue) {
    std::string names;
    const Gemm gemm{3, 5, 7, epilogue};
    for (const Operand& operand : operands_of(gemm, arguments_of(gemm)))
      if (operand.is_present) names += std::string(operand.name) + " ";
    return names;
  };
  CHECK(present({}) == "x w y sx sw ");
  CHECK(present({.bias = Bias::f16}) == "x w y sx sw bias ");
  CHECK(present({.out = Output::s32}) == "x w y ");
}

TEST_CASE("an output is exactly an input where the table allows it, and nowhere else") {
  CHECK(InPlace(1024, 1024, 16, 0).is_fault());
  CHECK_FALSE(InPlace(1024, 1024, 16, 1U << 1).is_fault());
  CHECK(InPlace(1024, 1024, 16, 1U << 0).is_fault());  // another row of the table
  CHECK(InPlace(1024, 1040, 16, 1U << 1).is_fault());  // a row further on
  CHECK(InPlace(1024, 1024, 32, 1U << 1).is_fault());  // another stride
  CHECK_FALSE(InPlace(1024, 4096, 16, 0).is_fault());
}

TEST_CASE("arguments give the sizes of an operation") {
  Arguments arguments = arguments_of(kGemm);
  CHECK(with_sizes_of(kGemm, arguments) == Operation(kGemm));
  std::get<GemmArgs>(arguments).m = 4;
  CHECK(with_sizes_of(kGemm, arguments) != Operation(kGemm));
  CHECK(describe_sizes(with_sizes_of(kGemm, arguments)) == "4x5x7");
}
