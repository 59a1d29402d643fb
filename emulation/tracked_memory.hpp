// SPDX-License-Identifier: Apache-2.0
// Bytes that know for whom they are there: what a thread wrote is there for others only after a barrier or a fence.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ditune::emulation {

// For whom a byte is there.
enum class Visible : unsigned char {
  nobody,  // never written
  copy,    // an asynchronous copy is bringing it
  thread,  // who wrote it
  warp,    // of who wrote it
  block,
  cluster,
  all,
};

class TrackedMemory {
 public:
  // `data` must outlive this. Threads are counted over the whole grid, `block` in each CTA; `cluster` CTAs are one.
  TrackedMemory(unsigned char* data, std::size_t bytes, int block, int cluster, Visible visible);

  unsigned char* data() const { return data_; }
  std::size_t size() const { return visible_.size(); }
  unsigned writer(std::size_t at) const { return writer_[at]; }  // of the byte that is there

  // Poison for nobody.
  void forget();

  void write(std::size_t offset, const void* from, unsigned bytes, unsigned writer, Visible visible);
  bool written(std::size_t at) const { return visible_[at] != Visible::nobody; }
  // The bytes of a copy that is under way: poison until it is written.
  void take(std::size_t offset, unsigned bytes, unsigned writer);
  bool taken(std::size_t offset, unsigned bytes) const;
  // Those of the bytes that are still the writer's last are there for more threads now.
  void publish(std::size_t offset, unsigned bytes, unsigned writer, Visible visible);

  // Why not all of the bytes are there for `reader`: "that nobody wrote". Nothing if they are.
  std::optional<std::string> hidden(std::size_t offset, unsigned bytes, unsigned reader) const;

 private:
  bool visible_to(std::size_t at, unsigned reader) const;

  unsigned char* data_;
  std::vector<Visible> visible_;
  std::vector<unsigned> writer_;  // of each byte, a thread
  unsigned block_, cluster_;      // threads
};

}  // namespace ditune::emulation
