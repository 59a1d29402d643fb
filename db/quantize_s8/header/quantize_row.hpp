// The winner of one producer of rows, for M from m_first to m_last.
struct QuantizeRow {
  std::string_view device;  // as the driver names it
  int arch;                 // 86 is sm_86
  int sms;
  long long k;
  std::string_view prologue;  // what is fused, as ditune writes it: "default", "norm=rms,modulate=scale1"
  long long m_first, m_last, m_tuned;
  std::string_view config;  // as ditune writes it
  QuantizeConfig variant;
  ditune::Prologue fused;
  int multiple;  // K, the split and every stride are multiples of it
  Source source;
  double microseconds;   // at M = m_tuned, of `source`
  const Kernel* kernel;  // null if none is in this header
};
