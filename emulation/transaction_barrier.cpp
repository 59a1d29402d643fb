// SPDX-License-Identifier: Apache-2.0
#include "emulation/transaction_barrier.hpp"

namespace ditune::emulation {

std::string TransactionBarrier::arrive(int bytes) {
  if (pending_ == 0) return "one more arrival than the " + std::to_string(arrivals_) + " of a phase";
  --pending_;
  bytes_ += bytes;
  return excess();
}

std::string TransactionBarrier::complete(int bytes) {
  bytes_ -= bytes;
  return excess();
}

void TransactionBarrier::next_phase() {
  pending_ = arrivals_;
  parity_ ^= 1;
}

std::string TransactionBarrier::excess() const {
  if (bytes_ > kMost) return "more than " + std::to_string(kMost) + " bytes that are expected";
  if (bytes_ < -kMost || (pending_ == 0 && bytes_ < 0))
    return std::to_string(-bytes_) + " more bytes than were expected";
  return {};
}

std::string TransactionBarrier::lacking() const {
  return std::to_string(pending_) + " arrivals and " + std::to_string(bytes_) + " bytes";
}

}  // namespace ditune::emulation
