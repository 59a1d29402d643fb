// ---- finding a row of quantize_s8

namespace detail {

constexpr bool serves(const QuantizeRow& row, int arch, long long m, long long k, std::string_view prologue) {
  return row.arch == arch && row.k == k && row.m_first <= m && m <= row.m_last && row.prologue == prologue;
}

}  // namespace detail

// The row for a prologue on any GPU of an arch, or null. Check row->source: a predicted row was never run.
constexpr const QuantizeRow* find_quantize(int arch, long long m, long long k, std::string_view prologue = "default") {
  for (const QuantizeRow& row : quantize_rows)
    if (detail::serves(row, arch, m, k, prologue)) return &row;
  return nullptr;
}

// The same; a row of the GPU of this name comes first.
constexpr const QuantizeRow* find_quantize(std::string_view device, int arch, long long m, long long k,
                                           std::string_view prologue = "default") {
  for (const QuantizeRow& row : quantize_rows)
    if (row.device == device && detail::serves(row, arch, m, k, prologue)) return &row;
  return find_quantize(arch, m, k, prologue);
}

// ---- launching it

// Grid, block and shared memory for M rows.
constexpr LaunchPlan plan(const QuantizeRow& row, long long m) {
  return std::visit([&](const auto& c) { return launch_plan(c, row.fused, m, row.k, row.sms); }, row.variant);
}

namespace detail {

inline const char* table_error(const ditune::Prologue& fused, const QuantizeArgs& args) {
  const bool has_norm = fused.norm != ditune::Norm::none || fused.residual == ditune::Branch::gate_rms;
  if (has_norm && !(args.eps >= 0 && args.eps < 1)) return "eps is not 0 or more and below 1";
  if (fused.rope != ditune::Rope::none && (args.positions < 1 || args.positions > kMaxStride))
    return "positions is not the number of rows of r";
  if (!has_table(fused) || fused.table == ditune::ModulationTable::all) return nullptr;
  if (args.tables < 1 || args.tables > kMaxStride) return "tables is not the number of rows of g, s and t";
  if (fused.table == ditune::ModulationTable::index) return nullptr;
  const bool is_legal = args.rows_per_image >= 1 && args.rows_per_image <= kMaxStride;
  return is_legal && args.tables * args.rows_per_image >= args.m ? nullptr : "tables * rows_per_image is less than m";
}

inline const char* multiple_error(const QuantizeRow& row, const ditune::QuantizeOperands& operands) {
  for (const ditune::Operand& operand : operands)
    if (operand.is_present && operand.extents.stride_name && operand.extents.stride % row.multiple != 0)
      return "a stride is not a multiple of `multiple`";
  return nullptr;
}

}  // namespace detail

// What makes a launch of `row` with `args` undefined; null if nothing does.
inline const char* argument_error(const QuantizeRow& row, const QuantizeArgs& args) {
  if (args.k != row.k) return "k is not the row's";
  if (args.m < row.m_first || args.m > row.m_last) return "m is not in the row's range";
  if (const char* error = detail::table_error(row.fused, args)) return error;
  const ditune::QuantizeOperands operands = ditune::quantize_operands(row.fused, args);
  if (const char* error = detail::stride_error(operands, detail::multiple_error(row, operands))) return error;
  if (const char* error = detail::pointer_error(operands)) return error;
  return detail::memory_error(operands, "h, q or scale overlaps other memory of the launch");
}
