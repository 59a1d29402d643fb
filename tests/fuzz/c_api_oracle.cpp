// SPDX-License-Identifier: Apache-2.0
#include "c_api_oracle.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "c_api_operand.hpp"
#include "c_api_requests.hpp"

namespace ditune::fuzz {

bool is_legal(const ditune_problem& p) {
  const bool is_plain = p.sx == 0 && p.sw == 0 && p.bias == 0 && p.op == 0 && p.from == 0 && p.residual == 0;
  const bool is_of_columns = p.op != DITUNE_OP_NONE && p.op != DITUNE_OP_SWIGLU;
  return is_within(p.m, 1, kMost) && is_within(p.n, 1, kMost) && is_within(p.k, 1, kMostK) && is_within(p.sx, 0, 1) &&
         is_within(p.sw, 0, 1) && is_within(p.bias, 0, 3) && is_within(p.op, 0, 5) && is_within(p.residual, 0, 3) &&
         is_within(p.gate, 0, 3) && is_within(p.out, 0, 3) && (p.out != DITUNE_OUT_S32 || is_plain) &&
         is_within(p.from, 0, is_of_columns ? p.n - 1 : 0) &&
         (p.op != DITUNE_OP_SWIGLU || (p.n % 2 == 0 && p.residual == DITUNE_RESIDUAL_NONE)) &&
         (p.gate == DITUNE_GATE_NONE || p.residual != DITUNE_RESIDUAL_NONE);
}

bool is_equal(const ditune_problem& a, const ditune_problem& b) {
  return a.m == b.m && a.n == b.n && a.k == b.k && a.sx == b.sx && a.sw == b.sw && a.bias == b.bias && a.op == b.op &&
         a.from == b.from && a.residual == b.residual && a.gate == b.gate && a.out == b.out;
}

bool is_legal(const ditune_device& d) {
  if (!is_within(d.sms, 0, 65535) || (d.arch != 0 && !is_within(d.arch, 80, 9999))) return false;
  const std::string_view name = d.name ? d.name : "";
  if (name.empty()) return d.arch != 0;
  if (d.arch != 0 && d.sms != 0) return true;
  return std::ranges::any_of(kCards, [&](const Card& card) {
    return name == card.name && (d.arch == 0 || d.arch == card.arch) && (d.sms == 0 || d.sms == card.sms);
  });
}

bool is_line(const char* text) {
  // Of a character of 1 to 4 bytes: the bits that are the same in every first byte, and the least code point.
  struct Form {
    unsigned mask, first;
    std::uint32_t least, most;
  };
  constexpr std::array kForms{Form{0x80, 0x00, 0x20, 0x7e}, Form{0xe0, 0xc0, 0xa0, 0x7ff},
                              Form{0xf0, 0xe0, 0x800, 0xffff}, Form{0xf8, 0xf0, 0x10000, 0x10ffff}};
  while (*text != '\0') {
    const auto byte = static_cast<unsigned char>(*text++);
    const auto form = std::ranges::find_if(kForms, [&](const Form& its) { return (byte & its.mask) == its.first; });
    if (form == kForms.end()) return false;
    std::uint32_t point = byte & ~form->mask;
    for (auto more = form - kForms.begin(); more > 0; --more) {
      if ((static_cast<unsigned char>(*text) & 0xc0) != 0x80) return false;
      point = point << 6 | (static_cast<unsigned char>(*text++) & 0x3f);
    }
    if (!is_within(point, form->least, form->most) || is_within(point, 0xd800, 0xdfff)) return false;
  }
  return true;
}

namespace {

Operand values(const void* data, bool is_used, Wide count, int element) {
  return {.data = data, .is_used = is_used, .row_bytes = count * element, .element = element};
}

Wide output_columns(const ditune_problem& p) { return p.op == DITUNE_OP_SWIGLU ? p.n / 2 : p.n; }

// y, r, then what is read besides.
std::vector<Operand> operands(const ditune_args& a, const ditune_problem& p) {
  const int y_bytes = p.out == DITUNE_OUT_BF16 || p.out == DITUNE_OUT_F16 ? 2 : 4;
  const int r_bytes = p.residual == DITUNE_RESIDUAL_F32 ? 4 : 2;
  const int bias_bytes = p.bias == DITUNE_BIAS_F32 ? 4 : 2;
  const bool is_scaled = p.out != DITUNE_OUT_S32;
  const bool has_rows = p.gate == DITUNE_GATE_TABLE || p.gate == DITUNE_GATE_INDEX;
  return {Operand{.data = a.y,
                  .rows = p.m,
                  .row_bytes = output_columns(p) * y_bytes,
                  .pitch = Wide{a.ldy} * y_bytes,
                  .element = y_bytes,
                  .is_written = true},
          Operand{.data = a.r,
                  .is_used = p.residual != DITUNE_RESIDUAL_NONE,
                  .rows = p.m,
                  .row_bytes = Wide{p.n} * r_bytes,
                  .pitch = Wide{a.ldr} * r_bytes,
                  .element = r_bytes},
          Operand{.data = a.x, .rows = p.m, .row_bytes = p.k, .pitch = a.ldx},
          Operand{.data = a.w, .rows = p.n, .row_bytes = p.k, .pitch = a.ldw},
          values(a.sx, is_scaled, p.sx == DITUNE_SX_TOKEN ? p.m : 1, 4),
          values(a.sw, is_scaled, p.sw == DITUNE_SW_CHANNEL ? p.n : 1, 4),
          values(a.bias, p.bias != DITUNE_BIAS_NONE, p.n, bias_bytes),
          Operand{.data = a.g,
                  .is_used = p.gate != DITUNE_GATE_NONE,
                  .rows = has_rows ? a.gates : 1,
                  .row_bytes = Wide{p.n} * r_bytes,
                  .pitch = Wide{a.ldg} * r_bytes,
                  .element = r_bytes},
          values(a.gate_index, p.gate == DITUNE_GATE_INDEX, p.m, 4)};
}

bool has_legal_sizes(const ditune_args& a, const ditune_problem& p) {
  if (!is_within(a.ldx, p.k, kMost) || !is_within(a.ldw, p.k, kMost)) return false;
  if (!is_within(a.ldy, static_cast<std::int64_t>(output_columns(p)), kMost)) return false;
  if (p.residual != DITUNE_RESIDUAL_NONE && !is_within(a.ldr, p.n, kMost)) return false;
  if (p.gate != DITUNE_GATE_TABLE && p.gate != DITUNE_GATE_INDEX) return true;
  if (!is_within(a.gates, 1, kMost) || !is_within(a.ldg, p.n, kMost)) return false;
  return p.gate == DITUNE_GATE_INDEX ||
         (is_within(a.rows_per_gate, 1, kMost) && Wide{a.gates} * a.rows_per_gate >= p.m);
}

}  // namespace

bool is_legal(const ditune_args& a, const ditune_problem& p, const Use& use) {
  if (!has_legal_sizes(a, p)) return false;
  const std::vector<Operand> all = operands(a, p);
  const Operand &y = all[0], &r = all[1];
  const Operand workspace = values(a.workspace, use.workspace_bytes > 0, use.workspace_bytes, 1);
  if (workspace.is_used && !workspace.is_good(use)) return false;
  const auto is_good = [&](const Operand& its) { return its.is_good(use); };
  const auto is_apart = [&](const Operand& its) { return !overlap(workspace, its); };
  if (!std::ranges::all_of(all, is_good) || !std::ranges::all_of(all, is_apart)) return false;
  return (is_in_place(y, r) || !overlap(y, r)) &&
         std::all_of(all.begin() + 2, all.end(), [&](const Operand& input) { return !overlap(y, input); });
}

std::vector<Block> blocks(const ditune_args& args, const ditune_problem& problem) {
  return blocks_of(operands(args, problem));
}

bool is_huge(const ditune_problem& p) { return Wide{p.m} * p.n > kMost; }

bool is_asked(const Launch& launch, const ditune_args& args, const ditune_problem& its) {
  const FusedGemmArgs& seen = launch.args;
  const bool is_gemm = seen.x == args.x && seen.w == args.w && seen.y == args.y && seen.sx == args.sx &&
                       seen.sw == args.sw && seen.bias == args.bias && seen.workspace == args.workspace &&
                       seen.m == its.m && seen.n == its.n && seen.k == its.k && seen.ldx == args.ldx &&
                       seen.ldw == args.ldw && seen.ldy == args.ldy;
  const bool is_residual = seen.r == args.r && seen.g == args.g && seen.gate_index == args.gate_index &&
                           seen.ldr == args.ldr && seen.ldg == args.ldg && seen.gates == args.gates &&
                           seen.rows_per_gate == args.rows_per_gate;
  const bool has_residual = its.residual != DITUNE_RESIDUAL_NONE;
  const bool is_epilogue =
      launch.epilogue ? is_equal(problem_of({its.m, its.n, its.k, *launch.epilogue}), its)
                      : launch.has_residual == has_residual;  // else the kernel takes one if, and only if, it has one
  return !launch.quantize && is_gemm && (!has_residual || is_residual) && is_epilogue;
}

bool is_legal_interleave(const void* gate, const void* up, const void* both, std::int64_t rows,
                         std::int64_t row_bytes) {
  const auto is_apart = [&](const void* from) {
    const Operand its = values(from, true, Wide{rows} * row_bytes, 1);
    return !overlap(its, values(both, true, 2 * Wide{rows} * row_bytes, 1));
  };
  return gate && up && both && rows >= 1 && row_bytes >= 1 && 2 * Wide{rows} * row_bytes < Wide{1} << 63 &&
         is_apart(gate) && is_apart(up);
}

}  // namespace ditune::fuzz
