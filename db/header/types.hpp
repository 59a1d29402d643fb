// ---- what a row says

using ditune::GemmArgs;
using ditune::LaunchPlan;

inline constexpr long long kMaxStride = 2147483647;

enum class Source : unsigned char {
  predicted,  // by a cost model: nobody ran it
  measured,   // on the device named
  fallback,   // for no layer: fallback() makes such a row
};

namespace detail {

// Bytes as compilers read many of them: numbers of a little-endian machine.
template <std::size_t Count>
union Bytes {
  unsigned long long words[Count];
  unsigned char image[8 * Count];
  char text[8 * Count];
};

}  // namespace detail

// Its one parameter, by value: ParameterOf its config; of a fallback's image ditune::FallbackArgs.
struct Kernel {
  const char* name;
  const char* source;          // CUDA C++20, for arch 90 as sm_90a, or null
  const unsigned char* image;  // cubin for the arch of the rows that refer to it, of a fallback PTX, or null
  std::size_t image_bytes;     // without the zeros that follow
};

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
  int k_multiple;    // K, ldx and ldw are multiples of it
  int ldy_multiple;  // ldy is a multiple of it
  Source source;
  double microseconds;   // at M = m_tuned, of `source`; of a fallback both are 0
  const Kernel* kernel;  // null if none is in this header
};
