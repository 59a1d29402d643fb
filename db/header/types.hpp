// ---- what a row says

// @uses@
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

// @rows@
