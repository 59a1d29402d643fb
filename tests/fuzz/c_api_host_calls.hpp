// SPDX-License-Identifier: Apache-2.0
// The calls of the C ABI that need no runtime: operations on the host, texts, and interleaving.
#pragma once

#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "c_api_session.hpp"

namespace ditune::fuzz {

struct GemmOnHost {
  using Problem = ditune_problem;
  using Args = ditune_args;
  static constexpr auto kRun = ditune_run_on_host;
  static constexpr auto kFormat = ditune_format;
  static void shrink(Input& in, Problem& its) {
    its.m = 1 + static_cast<std::int64_t>(in.below(40)), its.k = 1 + static_cast<std::int64_t>(in.below(40));
    its.n = 2 + 2 * static_cast<std::int64_t>(in.below(20));
    if (its.from > 0) its.from = static_cast<std::int64_t>(in.below(static_cast<std::size_t>(its.n)));
  }
  static const std::int32_t* indices(const Args& args) { return args.gate_index; }
  static bool has_indices(const Problem& its) { return its.gate == DITUNE_GATE_INDEX; }
  static std::int64_t tables(const Args& args) { return args.gates; }
};

struct QuantizeOnHost {
  using Problem = ditune_quantize_problem;
  using Args = ditune_quantize_args;
  static constexpr auto kRun = ditune_run_quantize_on_host;
  static constexpr auto kFormat = ditune_format_quantize;
  static void shrink(Input& in, Problem& its) {
    its.m = 1 + static_cast<std::int64_t>(in.below(6));
    if (its.head != 0) its.head = its.head > 16 ? 32 : 16;
    const auto heads = static_cast<std::int64_t>(its.head);
    const auto group = heads != 0 ? heads : its.rotate > 1 ? std::min<std::int64_t>(its.rotate, 256) : 1;
    its.k = group * (1 + static_cast<std::int64_t>(in.below(group > 16 ? 1 : 8)));
    if (its.split > 0) its.split = static_cast<std::int32_t>(in.below(static_cast<std::size_t>(its.k)));
  }
  static const std::int32_t* indices(const Args& args) { return args.index; }
  static bool has_indices(const Problem& its) { return its.table == DITUNE_QUANTIZE_TABLE_INDEX; }
  static std::int64_t tables(const Args& args) { return args.tables; }
};

// All operands in one block of memory, so that some overlap by and by.
template <class Functions>
class HostCalls {
 public:
  explicit HostCalls(Session& session) : session_(session), in_(session.in), memory_(kPlaces * kPlace) {
    for (std::size_t i = 0; i < memory_.size(); ++i) memory_[i] = static_cast<unsigned char>(i * i + i / 7);
    std::memset(place(kIndices), 0, kPlace);  // rows of a table
  }

  void run() {
    Problem problem = make_problem<Problem>(in_);
    Functions::shrink(in_, problem);
    if (in_.one_in(2)) change(in_, problem);
    const Handed<Problem> asked(in_, problem);
    Args args = dense_arguments(in_, asked.known(), [&](int i) -> void* { return place(i); });
    if (in_.one_in(2)) move_some(args, asked.known());
    if (in_.one_in(4)) place(kIndices)[in_.byte()] = in_.byte();
    const Handed<Args> handed(in_, args);
    const std::int32_t threads = in_.one_in(4) ? in_.word() : static_cast<std::int32_t>(in_.below(4));
    const bool may_run = asked.is_sane() && handed.is_sane() && is_legal(asked.known()) &&
                         is_legal(handed.known(), asked.known(), {.is_on_host = true});
    if (may_run && !is_inside(handed.known(), asked.known())) return;
    const bool is_good = may_run && threads >= 0 && threads <= 1024 && has_good_indices(handed.known(), asked.known());
    const std::vector<unsigned char> before = memory_;

    const auto call = [&] { return Functions::kRun(asked.get(), handed.get(), threads); };
    require(session_.status_of(call) == (is_good ? DITUNE_OK : DITUNE_INVALID_ARGUMENT), "the host checks arguments");
    if (!is_good) {
      require(memory_ == before, "a call that is refused writes nothing");
      return;
    }
    check_written(before, blocks(handed.known(), asked.known()));
    const std::vector<unsigned char> after = memory_;
    std::ranges::copy(before, memory_.begin());  // where it is: arguments point there
    require(Functions::kRun(asked.get(), handed.get(), 1 + threads % 3) == DITUNE_OK && memory_ == after,
            "threads change no bit");
  }

  void format() {
    const Handed<Problem> its(in_, make_problem<Problem>(in_));
    const bool is_sane = its.is_sane() && is_legal(its.known());
    const std::size_t size = in_.one_in(2) ? 256 : in_.byte();
    const bool has_place = !in_.one_in(16);
    std::vector<char> text(size, '?');
    char none = 0;
    char* const to = !has_place ? nullptr : size > 0 ? text.data() : &none;
    const ditune_status status = session_.status_of([&] { return Functions::kFormat(its.get(), to, size); });
    require(is_sane && has_place && size == 256 ? status == DITUNE_OK
                                                : status == DITUNE_OK || status == DITUNE_INVALID_ARGUMENT,
            "a legal problem has a text");
    require(status != DITUNE_OK || (is_sane && has_place), "a text is of a legal problem");
    if (status == DITUNE_OK)
      require(is_text_of(text.data(), its.known()), "a text is the problem's");
    else
      require(std::ranges::all_of(text, [](char c) { return c == '?'; }), "a text that fails is left as it is");
  }

 private:
  using Problem = typename Functions::Problem;
  using Args = typename Functions::Args;
  static constexpr std::size_t kPlace = 1 << 14, kPlaces = 16;
  static constexpr int kIndices = 10;

  unsigned char* place(int i) { return memory_.data() + static_cast<std::size_t>(i) * kPlace; }

  // Each change stays near, or is of those that a launch is tried with.
  void move_some(Args& args, const Problem& its) { change(in_, its, args, 1 + in_.below(3)); }

  bool is_inside(const Args& args, const Problem& its) const {
    const auto first = reinterpret_cast<std::uintptr_t>(memory_.data());
    return std::ranges::all_of(blocks(args, its), [&](const Block& block) {
      const __int128 at = static_cast<__int128>(reinterpret_cast<std::uintptr_t>(block.data)) - first;
      return at >= 0 && at + (block.rows - 1) * block.pitch + block.row_bytes <= std::ssize(memory_);
    });
  }

  static bool has_good_indices(const Args& args, const Problem& its) {
    if (!Functions::has_indices(its)) return true;
    const std::int32_t* const first = Functions::indices(args);
    return std::all_of(first, first + its.m,
                       [&](std::int32_t index) { return index >= 0 && index < Functions::tables(args); });
  }

  void check_written(std::vector<unsigned char> expected, const std::vector<Block>& blocks) const {
    for (const Block& block : blocks) {
      if (!block.is_written) continue;
      const auto at = static_cast<const unsigned char*>(block.data) - memory_.data();
      for (__int128 row = 0; row < block.rows; ++row) {
        const auto from = static_cast<std::ptrdiff_t>(at + row * block.pitch);
        std::memcpy(&expected[static_cast<std::size_t>(from)], &memory_[static_cast<std::size_t>(from)],
                    static_cast<std::size_t>(block.row_bytes));
      }
    }
    require(memory_ == expected, "outputs are written, and nothing else");
  }

  Session& session_;
  Input& in_;
  std::vector<unsigned char> memory_;
};

// Within one block of memory, so that rows overlap by and by; or of sizes that are refused before anything is read.
inline void interleave(Session& session) {
  Input& in = session.in;
  std::vector<unsigned char> memory(192);
  std::iota(memory.begin(), memory.end(), static_cast<unsigned char>(0));
  const auto place = [&] { return in.one_in(16) ? nullptr : memory.data() + in.below(memory.size()); };
  const auto size = [&] { return in.one_in(4) ? in.number() : static_cast<std::int64_t>(in.below(8)); };
  unsigned char *const gate = place(), *const up = place(), *const both = place();
  const std::int64_t rows = size(), row_bytes = size();
  const bool are_legal = is_legal_interleave(gate, up, both, rows, row_bytes);
  const auto ends_inside = [&](const unsigned char* from, std::int64_t count) {
    return row_bytes <= memory.data() + memory.size() - from &&
           count * row_bytes <= memory.data() + memory.size() - from;
  };
  const bool is_short = rows <= 192 && row_bytes <= 192;
  if (are_legal && !(is_short && ends_inside(gate, rows) && ends_inside(up, rows) && ends_inside(both, 2 * rows)))
    return;
  std::vector<unsigned char> expected = memory;
  for (std::int64_t at = 0; are_legal && at < rows * row_bytes; ++at) {
    const std::int64_t to = both - memory.data() + at + at / row_bytes * row_bytes;
    expected[to] = gate[at];
    expected[to + row_bytes] = up[at];
  }
  const ditune_status status = session.status_of([&] { return ditune_interleave(gate, up, both, rows, row_bytes); });
  require(status == (are_legal ? DITUNE_OK : DITUNE_INVALID_ARGUMENT), "an interleaving is checked");
  require(memory == expected, "gate and up alternate, and nothing else is written");
}

}  // namespace ditune::fuzz
