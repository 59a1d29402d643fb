// SPDX-License-Identifier: Apache-2.0
#include "core/operands.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "quantize_operands.cuh"

using namespace ditune;

namespace {

Quantize of(const char* prologue) { return {.m = 5, .k = 48, .prologue = parse_prologue(prologue)}; }

std::vector<Operand> table(const char* prologue) { return operands_of(of(prologue), arguments_of(of(prologue))); }

const Operand& row(const std::vector<Operand>& operands, const std::string& name) {
  for (const Operand& operand : operands)
    if (operand.name == name) return operand;
  throw std::out_of_range(name);
}

// Those of a role that are there.
std::string present(const char* prologue, Role role) {
  std::string names;
  for (const Operand& operand : table(prologue))
    if (operand.is_present && operand.role == role) names += std::string(operand.name) + " ";
  return names;
}

std::string inputs(const char* prologue) { return present(prologue, Role::input); }
std::string outputs(const char* prologue) { return present(prologue, Role::output); }

// What is wrong with the memory of packed operands, each at an address of its own, after a change.
template <class Change>
std::string fault(const char* prologue, const Change& change) {
  Arguments arguments = arguments_of(of(prologue));
  std::uintptr_t address = 0;
  for (const Operand& operand : operands_of(of(prologue), arguments))
    if (operand.is_present) set_pointer(arguments, operand, reinterpret_cast<const void*>(address += 1 << 16));
  auto& args = std::get<QuantizeArgs>(arguments);
  change(args);
  const QuantizeOperands rows = quantize_operands(of(prologue).prologue, args);
  const MemoryFault found = find_memory_fault(rows.rows, QuantizeOperands::count);
  return found.operand ? std::string(found.operand) + " " + (found.other ? found.other : "") : "";
}

void* behind(const void* data, std::ptrdiff_t bytes) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(data) + static_cast<std::uintptr_t>(bytes));
}

}  // namespace

TEST_CASE("every pointer of a quantization's arguments is a row of the table, in the struct's order") {
  const std::vector<Operand> operands = table("modulate=scale1_shift,table=image");
  REQUIRE(operands.size() == offsetof(QuantizeArgs, m) / sizeof(void*));
  for (std::size_t i = 0; i < operands.size(); ++i) {
    INFO(operands[i].name);
    CHECK(operands[i].at.data == i * sizeof(void*));
    CHECK((operands[i].at.stride != 0) == (operands[i].extents.stride_name != nullptr));
  }
  const auto stride = [&](const char* name) { return std::size_t{row(operands, name).at.stride}; };
  CHECK(stride("x") == offsetof(QuantizeArgs, ldx));
  CHECK(stride("x2") == offsetof(QuantizeArgs, ldx2));
  CHECK(stride("y") == offsetof(QuantizeArgs, ldy));
  CHECK(stride("h") == offsetof(QuantizeArgs, ldh));
  for (const char* name : {"g", "s", "t"}) CHECK(stride(name) == offsetof(QuantizeArgs, ldt));
  CHECK(stride("q") == offsetof(QuantizeArgs, ldq));
  CHECK(stride("r") == offsetof(QuantizeArgs, ldr));
  for (const char* name : {"index", "w1", "w", "b", "c", "scale"}) CHECK(stride(name) == 0);
}

TEST_CASE("operands of a quantization are there exactly where the prologue has them") {
  CHECK(inputs("default") == "x ");
  CHECK(inputs("split=8") == "x x2 ");
  CHECK(inputs("residual=add") == "x y ");
  CHECK(inputs("residual=gate") == "x y g ");
  CHECK(inputs("residual=gate_rms") == "x y g w1 ");
  CHECK(inputs("norm=rms") == "x ");
  CHECK(inputs("norm=layer,weight=plus_one") == "x w ");
  CHECK(inputs("norm=layer,weight=plain,bias=plain") == "x w b ");
  CHECK(inputs("modulate=scale") == "x s ");
  CHECK(inputs("modulate=scale1,table=image") == "x s ");
  CHECK(inputs("modulate=scale1_shift,table=index") == "x s t index ");
  CHECK(inputs("residual=gate,table=index") == "x y g index ");
  CHECK(inputs("smooth=on,rotate=16") == "x c ");
  CHECK(inputs("norm=rms_head,weight=plain,head=16") == "x w ");
  CHECK(inputs("rope=half,head=16") == "x r ");
  CHECK(inputs("act=swiglu") == "x ");
  CHECK(inputs("scale=tensor") == "x scale ");
  CHECK(outputs("default") == "q scale ");
  CHECK(outputs("residual=add") == "h q scale ");
  CHECK(outputs("scale=tensor") == "q ");
  CHECK(outputs("out=f16") == "q ");
}

TEST_CASE("rows of a quantization are as large as what a launch reads and writes") {
  const auto bytes = [](const char* prologue, const char* name) { return row(table(prologue), name).bytes(); };
  CHECK(bytes("default", "x") == 5 * 48 * 2);
  CHECK(bytes("x=f32", "x") == 5 * 48 * 4);
  CHECK(bytes("act=swiglu", "x") == 5 * 96 * 2);
  CHECK(bytes("act=swiglu_interleaved,x=f32", "x") == 5 * 96 * 4);
  CHECK(bytes("split=9", "x") == 5 * 9 * 2);
  CHECK(bytes("split=9", "x2") == 5 * 39 * 2);
  CHECK(bytes("split=9,act=swiglu", "x") == 5 * 9 * 2);
  CHECK(bytes("split=9,act=swiglu", "x2") == 5 * 78 * 2);
  CHECK(bytes("residual=add,x=f16", "y") == 5 * 48 * 2);
  CHECK(bytes("residual=add,x=f32", "h") == 5 * 48 * 4);
  CHECK(bytes("residual=gate", "g") == 48 * 2);
  CHECK(bytes("residual=gate,parameters=f32", "g") == 48 * 4);
  CHECK(bytes("residual=gate,x=f32", "g") == 48 * 4);
  CHECK(bytes("modulate=scale,table=image", "s") == 2 * 48 * 2);         // of two images
  CHECK(bytes("modulate=scale1_shift,table=index", "t") == 3 * 48 * 2);  // of three kinds of tokens
  CHECK(bytes("modulate=scale,table=index", "index") == 5 * 4);
  CHECK(bytes("norm=rms,weight=plain,parameters=f32", "w") == 48 * 4);
  CHECK(bytes("rope=pairs,head=16", "r") == 3 * 16 * 4);  // of two images
  CHECK(bytes("default", "q") == 5 * 48);
  CHECK(bytes("out=bf16", "q") == 5 * 48 * 2);
  CHECK(bytes("default", "scale") == 5 * 4);
  CHECK(bytes("scale=tensor", "scale") == 4);
  const Quantize all = of("residual=gate,norm=rms,modulate=scale");
  CHECK(operand_bytes(all, packed_strides(all)) == 3 * 480 + 2 * 96 + 240 + 20);  // x, y, h; g, s; q; scale
}

TEST_CASE("h may be exactly x, and nothing else of what is read or written") {
  const char* const gated = "residual=gate,modulate=scale,table=index";
  const auto nothing = [](QuantizeArgs&) {};
  CHECK(fault(gated, nothing).empty());
  for (const char* prologue : {"residual=add", "residual=gate_rms,norm=rms", "x=f32,residual=add"})
    CHECK(fault(prologue, [](QuantizeArgs& a) { a.h = const_cast<void*>(a.x); }).empty());
  CHECK(fault(gated, [](QuantizeArgs& a) { a.h = const_cast<void*>(a.x), a.ldh = 49; }) == "h x");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.h = behind(a.x, 96); }) == "h x");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.h = behind(a.x, 2); }) == "h x");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.h = behind(a.x, 480); }).empty());  // right behind
  CHECK(fault(gated, [](QuantizeArgs& a) { a.h = const_cast<void*>(a.y); }) == "h y");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.h = const_cast<void*>(a.g); }) == "h g");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.q = const_cast<void*>(a.x); }) == "q x");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.q = const_cast<void*>(a.s); }) == "q s");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.q = const_cast<int*>(a.index); }) == "q index");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.scale = static_cast<float*>(behind(a.q, 236)); }) == "scale q");
  CHECK(fault(gated, [](QuantizeArgs& a) { a.scale = static_cast<float*>(behind(a.q, 240)); }).empty());
}

TEST_CASE("q may be exactly x where a row has as many bytes of both, and no other input") {
  const auto in_place = [](QuantizeArgs& a) { a.q = const_cast<void*>(a.x); };
  for (const char* prologue : {"out=bf16", "x=f16,out=bf16", "norm=rms,out=f16", "head=16,rope=half,out=bf16"})
    CHECK(fault(prologue, in_place).empty());
  for (const char* prologue : {"default", "x=f32,out=bf16", "act=swiglu,out=bf16", "act=swiglu_interleaved,out=bf16",
                               "split=8,out=bf16", "residual=add,out=bf16"})
    CHECK(fault(prologue, in_place) == "q x");
  CHECK(fault("out=bf16", [](QuantizeArgs& a) { a.q = const_cast<void*>(a.x), a.ldq = 49; }) == "q x");
  CHECK(fault("out=bf16", [](QuantizeArgs& a) { a.q = behind(a.x, 2); }) == "q x");
  CHECK(fault("rope=half,head=16,out=bf16", [](QuantizeArgs& a) { a.q = const_cast<float*>(a.r); }) == "q r");
  CHECK(fault("scale=tensor", [](QuantizeArgs& a) { a.q = const_cast<float*>(a.scale); }) == "q scale");
}
