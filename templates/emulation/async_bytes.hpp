// What the units that copy and multiply by themselves (PTX ISA, "Async Proxy") make of the bytes of shared memory: they
// see what a thread wrote once it has fenced, and what they still read must not be written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ditune::emulation {

class AsyncBytes {
 public:
  explicit AsyncBytes(std::size_t bytes) : fences_(bytes), readers_(bytes) {}

  // By a thread that had made `fences` async_fences before.
  void written(std::size_t offset, unsigned bytes, unsigned fences) { set(offset, bytes, fences + 1); }
  // By a unit.
  void brought(std::size_t offset, unsigned bytes) { set(offset, bytes, 0); }
  // How many fences its writer must have made for the byte to be there for units.
  unsigned needs(std::size_t at) const { return fences_[at]; }

  // A unit reads them, until it lets go.
  void hold(std::size_t offset, unsigned bytes) { count(offset, bytes, 1); }
  void let_go(std::size_t offset, unsigned bytes) { count(offset, bytes, -1); }
  bool held(std::size_t offset, unsigned bytes) const {
    const auto first = readers_.begin() + static_cast<std::ptrdiff_t>(offset);
    return std::any_of(first, first + bytes, [](int readers) { return readers > 0; });
  }

 private:
  void set(std::size_t offset, unsigned bytes, unsigned fences) {
    std::fill_n(fences_.begin() + static_cast<std::ptrdiff_t>(offset), bytes, fences);
  }
  void count(std::size_t offset, unsigned bytes, int more) {
    for (std::size_t at = offset; at < offset + bytes; ++at) readers_[at] += more;
  }

  std::vector<unsigned> fences_;
  std::vector<int> readers_;
};

}  // namespace ditune::emulation
