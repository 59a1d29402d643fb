namespace detail {

// The most rows of y that a grid has CTAs for.
constexpr long long last_m(const Row& row) {
  long long fits = 0, beyond = kMaxStride + 1;
  while (fits + 1 < beyond) {
    const long long m = fits + (beyond - fits) / 2;
    (plan(row, m).grid <= ditune::kMaxGrid ? fits : beyond) = m;
  }
  return fits;
}

}  // namespace detail

// A row for a layer that has none, by kernels that run any layer on any GPU since sm_80, to be kept by the caller:
// right in every bit, and tuned for nothing. `row_multiple` divides K, ldx and ldw: the larger its power of 2, the
// faster. Empty for an epilogue that no row of this header has, an older arch and what is no layer.
constexpr std::optional<Row> fallback(int arch, long long n, long long k, std::string_view epilogue,
                                      long long row_multiple) {
  if (n < 1 || n > kMaxStride || k < 1 || k > detail::kMaxK || row_multiple < 1) return std::nullopt;
  for (Row row : detail::fallbacks) {
    if (arch < row.arch || row.epilogue != epilogue || row_multiple % row.k_multiple != 0 || k % row.k_multiple != 0)
      continue;
    row.arch = arch;
    row.n = n;
    row.k = k;
    row.m_last = detail::last_m(row);
    return row;
  }
  return std::nullopt;
}

// The same for operands whose rows have no gaps: ldx and ldw are K.
constexpr std::optional<Row> fallback(int arch, long long n, long long k, std::string_view epilogue = "default") {
  return fallback(arch, n, k, epilogue, k);
}
