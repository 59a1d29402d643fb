// ---- finding a row

namespace detail {

constexpr bool serves(const Row& row, int arch, long long m, long long n, long long k, std::string_view epilogue) {
  return row.arch == arch && row.n == n && row.k == k && row.m_first <= m && m <= row.m_last &&
         row.epilogue == epilogue;
}

}  // namespace detail

// The row for a layer on any GPU of an arch, or null. Check row->source: a predicted row was never run.
constexpr const Row* find(int arch, long long m, long long n, long long k, std::string_view epilogue = "default") {
  for (const Row& row : rows)
    if (detail::serves(row, arch, m, n, k, epilogue)) return &row;
  return nullptr;
}

// The same; a row of the GPU of this name comes first.
constexpr const Row* find(std::string_view device, int arch, long long m, long long n, long long k,
                          std::string_view epilogue = "default") {
  for (const Row& row : rows)
    if (row.device == device && detail::serves(row, arch, m, n, k, epilogue)) return &row;
  return find(arch, m, n, k, epilogue);
}

// ---- launching it

// Grid, block, shared memory and workspace for M rows.
constexpr LaunchPlan plan(const Row& row, long long m) {
  return std::visit([&](const auto& c) { return launch_plan(c, row.fused, m, row.n, row.sms); }, row.variant);
}

namespace detail {

inline const char* gate_error(const ditune::Epilogue& fused, const FusedGemmArgs& args) {
  if (fused.gate != ditune::Gate::table && fused.gate != ditune::Gate::index) return nullptr;
  if (args.gates < 1 || args.gates > kMaxStride) return "gates is not the number of rows of g";
  if (fused.gate == ditune::Gate::index) return nullptr;
  const bool is_legal = args.rows_per_gate >= 1 && args.rows_per_gate <= kMaxStride;
  return is_legal && args.gates * args.rows_per_gate >= args.m ? nullptr : "gates * rows_per_gate is less than m";
}

inline const char* multiple_error(const Row& row, const FusedGemmArgs& args) {
  if (args.ldx % row.k_multiple != 0 || args.ldw % row.k_multiple != 0)
    return "ldx or ldw is not a multiple of k_multiple";
  if (args.ldy % row.ldy_multiple != 0) return "ldy is not a multiple of ldy_multiple";
  const bool has_table = row.fused.gate == ditune::Gate::table || row.fused.gate == ditune::Gate::index;
  if (row.fused.residual != ditune::Residual::none && args.ldr % row.residual_multiple != 0)
    return "ldr is not a multiple of residual_multiple";
  if (has_table && args.ldg % row.residual_multiple != 0) return "ldg is not a multiple of residual_multiple";
  return nullptr;
}

}  // namespace detail

// What makes a launch of `row` with `args` undefined; null if nothing does.
inline const char* argument_error(const Row& row, const FusedGemmArgs& args) {
  if (args.n != row.n || args.k != row.k) return "n or k is not the row's";
  if (args.m < row.m_first || args.m > row.m_last) return "m is not in the row's range";
  if (const char* error = detail::gate_error(row.fused, args)) return error;
  const ditune::GemmOperands operands = ditune::gemm_operands(row.fused, args, plan(row, args.m).workspace_bytes);
  if (const char* error = detail::stride_error(operands, detail::multiple_error(row, args))) return error;
  if (const char* error = detail::pointer_error(operands)) return error;
  return detail::memory_error(operands, "y or the workspace overlaps other memory of the launch");
}
