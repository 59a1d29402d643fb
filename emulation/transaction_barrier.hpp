// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one transaction barrier (PTX ISA, "mbarrier"): a phase is over when all arrivals have been made and
// all bytes that they expect have come.
#pragma once

#include <string>

namespace ditune::emulation {

class TransactionBarrier {
 public:
  static constexpr int kMost = (1 << 20) - 1;  // arrivals of a phase, and bytes that are expected at once

  explicit TransactionBarrier(int arrivals) : arrivals_(arrivals), pending_(arrivals) {}

  // These return what is wrong; empty if nothing. Bytes may come before they are expected.
  std::string arrive(int bytes);    // and `bytes` more are expected
  std::string complete(int bytes);  // they have come

  bool phase_over() const { return pending_ == 0 && bytes_ == 0; }
  void next_phase();
  unsigned parity() const { return parity_; }  // of the phase that is not over
  bool lacks_bytes() const { return bytes_ != 0; }
  // What the phase waits for: "2 arrivals and 128 bytes".
  std::string lacking() const;

 private:
  std::string excess() const;

  int arrivals_, pending_;
  long long bytes_ = 0;  // expected and not come
  unsigned parity_ = 0;
};

}  // namespace ditune::emulation
