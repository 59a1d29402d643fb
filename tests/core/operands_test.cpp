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

Gemm fused(const Epilogue& epilogue) { return {.m = 3, .n = 6, .k = 7, .epilogue = epilogue}; }

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
    rows[0] = {"y", Role::output, Element::s8, Fill::none, true, y_extents, at(y), {}, may_be, 0, ""};
    rows[1] = {"r", Role::input, Element::s8, Fill::none, true, r_extents, at(r), {}, 0, 0, ""};
  }
  bool is_fault() const { return find_memory_fault(rows, 2).operand != nullptr; }
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

TEST_CASE("every pointer of a residual is a row of the table, behind those of any epilogue") {
  const Gemm gemm = fused({.residual = Residual::f32, .gate = Gate::index});
  const std::vector<Operand> operands = operands_of(gemm, arguments_of(gemm), 1);
  REQUIRE(operands.size() == 10);
  constexpr std::size_t kPlain = sizeof(GemmArgs);
  const auto check = [&](const char* name, std::size_t data, std::size_t stride) {
    INFO(name);
    CHECK(row(operands, name).at.data == kPlain + data);
    CHECK(row(operands, name).at.stride == stride);
    CHECK((row(operands, name).extents.stride_name != nullptr) == (stride != 0));
  };
  check("r", offsetof(ResidualArgs, r), kPlain + offsetof(ResidualArgs, ldr));
  check("g", offsetof(ResidualArgs, g), kPlain + offsetof(ResidualArgs, ldg));
  check("gate_index", offsetof(ResidualArgs, gate_index), 0);
  Arguments arguments = arguments_of(gemm);
  set_pointer(arguments, row(operands, "r"), &gemm);
  set_stride(arguments, row(operands, "g"), 77);
  CHECK(std::get<FusedGemmArgs>(arguments).r == &gemm);
  CHECK(std::get<FusedGemmArgs>(arguments).ldg == 77);
}

TEST_CASE("a residual, its gates and their index are there exactly where the epilogue has them") {
  const auto present = [](const Epilogue& epilogue) {
    std::string names;
    for (const Operand& operand : operands_of(fused(epilogue), arguments_of(fused(epilogue))))
      if (operand.is_present && operand.at.data >= sizeof(GemmArgs)) names += std::string(operand.name) + " ";
    return names;
  };
  CHECK(present({}).empty());
  CHECK(present({.op = EpilogueOp::swiglu}).empty());
  CHECK(present({.residual = Residual::bf16}) == "r ");
  CHECK(present({.residual = Residual::bf16, .gate = Gate::channel}) == "r g ");
  CHECK(present({.residual = Residual::bf16, .gate = Gate::table}) == "r g ");
  CHECK(present({.residual = Residual::bf16, .gate = Gate::index}) == "r g gate_index ");
}

TEST_CASE("pointers of a residual that the epilogue does not have are rows that are not there") {
  for (const char* name : {"r", "g", "gate_index"}) {
    INFO(name);
    Arguments arguments = arguments_of(fused({}));
    auto& args = std::get<FusedGemmArgs>(arguments);
    CHECK(operands_of(fused({}), arguments).size() == 7);
    if (std::string(name) == "r") args.r = &args;
    if (std::string(name) == "g") args.g = &args;
    if (std::string(name) == "gate_index") args.gate_index = reinterpret_cast<const int*>(&args);
    const std::vector<Operand> operands = operands_of(fused({}), arguments);
    REQUIRE(operands.size() == 10);
    CHECK_FALSE(row(operands, name).is_present);
    CHECK(row(operands, name).data == &args);
    CHECK(row(operands, name).bytes() == 0);
  }
}

TEST_CASE("rows of a residual are as large as what a launch reads") {
  const auto bytes = [](const Epilogue& epilogue, const char* name) {
    return row(operands_of(fused(epilogue), arguments_of(fused(epilogue))), name).bytes();
  };
  CHECK(bytes({.residual = Residual::bf16}, "r") == 3 * 6 * 2);
  CHECK(bytes({.residual = Residual::f32}, "r") == 3 * 6 * 4);
  CHECK(bytes({.residual = Residual::f16, .gate = Gate::channel}, "g") == 6 * 2);
  CHECK(bytes({.residual = Residual::f32, .gate = Gate::channel}, "g") == 6 * 4);
  CHECK(bytes({.residual = Residual::f16, .gate = Gate::table}, "g") == 2 * 6 * 2);  // of two images
  CHECK(bytes({.residual = Residual::f16, .gate = Gate::index}, "g") == 3 * 6 * 2);  // of three kinds of tokens
  CHECK(bytes({.residual = Residual::f16, .gate = Gate::index}, "gate_index") == 3 * 4);
  CHECK(bytes({.op = EpilogueOp::swiglu}, "y") == 3 * 3 * 2);
  CHECK(bytes({.op = EpilogueOp::swiglu}, "w") == 6 * 7);
  CHECK(bytes({.op = EpilogueOp::swiglu, .out = Output::f32}, "y") == 3 * 3 * 4);
}

TEST_CASE("strides of a fused operation are those of the operands that have one") {
  const auto strides = [](const Epilogue& epilogue) { return packed_strides(fused(epilogue)).of; };
  const auto plain = strides({}), swiglu = strides({.op = EpilogueOp::swiglu}),
             r = strides({.residual = Residual::f16}),
             channel = strides({.residual = Residual::f16, .gate = Gate::channel}),
             table = strides({.residual = Residual::f16, .gate = Gate::table});
  CHECK((plain[0] == 7 && plain[1] == 7 && plain[2] == 6 && plain[7] == 0 && plain[8] == 0));
  CHECK(swiglu[2] == 3);
  CHECK((r[7] == 6 && r[8] == 0));
  CHECK((channel[7] == 6 && channel[8] == 0));
  CHECK((table[7] == 6 && table[8] == 6));
}

TEST_CASE("the packed arguments of a table of gates serve every row") {
  for (const std::int64_t m : {1, 2, 3, 4, 4095, 4096}) {
    CAPTURE(m);
    Gemm gemm = fused({.residual = Residual::bf16, .gate = Gate::table});
    gemm.m = m;
    const auto args = std::get<FusedGemmArgs>(arguments_of(gemm));
    CHECK(args.gates * args.rows_per_gate >= m);
    gemm.epilogue.gate = Gate::index;
    const auto indexed = std::get<FusedGemmArgs>(arguments_of(gemm));
    CHECK(row(operands_of(gemm, indexed), "gate_index").below == indexed.gates);
  }
}

TEST_CASE("a residual may be y itself, of the same type, at the same address with the same stride") {
  const auto fault = [](const Epilogue& epilogue, std::int64_t y_bytes_on, std::int64_t ldr, const char* at_y = "r") {
    const Gemm gemm = fused(epilogue);
    Arguments arguments = arguments_of(gemm);
    std::uintptr_t address = 0;
    for (const Operand& operand : operands_of(gemm, arguments))
      set_pointer(arguments, operand, operand.is_present ? reinterpret_cast<const void*>(address += 4096) : nullptr);
    auto& args = std::get<FusedGemmArgs>(arguments);
    const void* const data = static_cast<const char*>(args.y) + y_bytes_on;
    set_pointer(arguments, row(operands_of(gemm, arguments), at_y), data);
    args.ldr = ldr;
    const GemmOperands table = gemm_operands(gemm.epilogue, args, 0);
    const MemoryFault found = find_memory_fault(table.rows, table.count);
    return found.operand ? std::string(found.operand) + " " + (found.other ? found.other : "") : "";
  };
  const Epilogue bf16{.residual = Residual::bf16, .gate = Gate::table};
  CHECK(fault(bf16, 0, 6).empty());
  CHECK(fault({.residual = Residual::f16}, 0, 6).empty());  // as large; the kernel reads f16 and writes bf16
  CHECK(fault({.residual = Residual::f32, .out = Output::f32}, 0, 6).empty());
  CHECK(fault(bf16, 0, 7) == "y r");                         // another stride
  CHECK(fault(bf16, 12, 6) == "y r");                        // a row further on
  CHECK(fault(bf16, 2, 6) == "y r");                         // a column further on
  CHECK(fault({.residual = Residual::f32}, 0, 6) == "y r");  // wider
  CHECK(fault({.residual = Residual::f32}, 0, 3) == "y r");  // wider, at the same pitch
  CHECK(fault(bf16, 36, 6).empty());                         // right behind
  CHECK(fault(bf16, 0, 6, "g") == "y g");
  CHECK(fault({.residual = Residual::bf16, .gate = Gate::index}, 0, 6, "gate_index") == "y gate_index");
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
  std::get<FusedGemmArgs>(arguments).m = 4;
  CHECK(with_sizes_of(kGemm, arguments) != Operation(kGemm));
  CHECK(describe_sizes(with_sizes_of(kGemm, arguments)) == "4x5x7");
}
