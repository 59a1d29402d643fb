// SPDX-License-Identifier: Apache-2.0
// What the units that copy and multiply by themselves (PTX ISA, "Async Proxy") make of the bytes of shared memory: they
// see what a thread wrote once it has fenced, they may overwrite what it wrote or read once it has fenced, and what
// they still read must not be written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ditune::emulation {

class AsyncBytes {
 public:
  // The last of a byte's readers, a thread of the CTA, and how many fences it must have made before units may overwrite
  // the byte: 0 if nobody read it.
  struct Reader {
    unsigned thread = 0, fences = 0;
  };

  explicit AsyncBytes(std::size_t bytes) : fences_(bytes), last_reader_(bytes), readers_(bytes) {}

  // Nobody has touched them yet.
  void forget() {
    std::ranges::fill(fences_, 0);
    std::ranges::fill(last_reader_, Reader{});
  }

  // By a thread that had made `fences` async_fences before.
  void written(std::size_t offset, unsigned bytes, unsigned fences) { set(fences_, offset, bytes, fences + 1); }
  void read(std::size_t offset, unsigned bytes, unsigned thread, unsigned fences) {
    set(last_reader_, offset, bytes, Reader{thread, fences + 1});
  }
  // By a unit.
  void brought(std::size_t offset, unsigned bytes) {
    set(fences_, offset, bytes, 0U);
    set(last_reader_, offset, bytes, Reader{});
  }
  // How many fences its writer must have made for the byte to be there for units.
  unsigned needs(std::size_t at) const { return fences_[at]; }
  const Reader& last_reader(std::size_t at) const { return last_reader_[at]; }

  // A unit reads them, until it lets go.
  void hold(std::size_t offset, unsigned bytes) { count(offset, bytes, 1); }
  void let_go(std::size_t offset, unsigned bytes) { count(offset, bytes, -1); }
  bool held(std::size_t offset, unsigned bytes) const {
    const auto first = readers_.begin() + static_cast<std::ptrdiff_t>(offset);
    return std::any_of(first, first + bytes, [](int readers) { return readers > 0; });
  }

 private:
  template <class T>
  static void set(std::vector<T>& of, std::size_t offset, unsigned bytes, const T& value) {
    std::fill_n(of.begin() + static_cast<std::ptrdiff_t>(offset), bytes, value);
  }
  void count(std::size_t offset, unsigned bytes, int more) {
    for (std::size_t at = offset; at < offset + bytes; ++at) readers_[at] += more;
  }

  std::vector<unsigned> fences_;
  std::vector<Reader> last_reader_;
  std::vector<int> readers_;
};

}  // namespace ditune::emulation
