// The winner of one layer, for M from m_first to m_last.
struct Row {
  std::string_view device;  // as the driver names it; of a fallback empty
  int arch;                 // 86 is sm_86
  int sms;
  long long n, k;
  std::string_view epilogue;  // what is fused, as ditune writes it: "default", "bias=bf16,out=f16"
  long long m_first, m_last, m_tuned;
  std::string_view config;  // as ditune writes it
  Config variant;
  ditune::Epilogue fused;
  int k_multiple;         // K, ldx and ldw are multiples of it
  int ldy_multiple;       // ldy is a multiple of it
  int residual_multiple;  // of a residual: ldr is a multiple of it, as is ldg of a table of gates
  Source source;
  double microseconds;   // at M = m_tuned, of `source`; of a fallback both are 0
  const Kernel* kernel;  // null if none is in this header
};
