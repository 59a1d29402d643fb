// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_rows.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <new>

#include "ditune/error.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune {
namespace {

// Data begins kPointerAlignment bytes behind a multiple of twice that.
constexpr std::align_val_t kAllocationAlignment{2 * kPointerAlignment};

constexpr std::size_t kMostGuard = 4096;

}  // namespace

HostBuffer::HostBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes > 0)
    allocation_.reset(static_cast<std::byte*>(::operator new(bytes + kPointerAlignment, kAllocationAlignment)));
}

std::byte* HostBuffer::data() const { return allocation_ ? allocation_.get() + kPointerAlignment : nullptr; }

void HostBuffer::Free::operator()(std::byte* allocation) const { ::operator delete(allocation, kAllocationAlignment); }

HostRows::HostRows(const RowShape& shape, std::size_t guard) : shape_(shape), guard_(guard) {
  if (shape.rows > 1 && far_apart(shape.pitch, shape.bytes)) {
    map();
  } else {
    near_ = HostBuffer(guard + (shape.rows - 1) * shape.pitch + shape.bytes + guard);
  }
}

// Pages exist once they are written to: those of the rows.
void HostRows::map() {
  const std::size_t bytes = kMostGuard + kPointerAlignment + (shape_.rows - 1) * shape_.pitch + shape_.bytes + guard_;
  void* const mapping =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw Error(fmt::format("no {} GiB of addresses for rows that are far apart", bytes >> 30),
                "raise `ulimit -v` and allow overcommit, or verify with another --case");
  far_ = {static_cast<std::byte*>(mapping), Unmap{bytes}};
  // A row in a huge page takes 2 MiB. A kernel that has none refuses, and that is as good.
  madvise(mapping, bytes, MADV_NOHUGEPAGE);
}

std::byte* HostRows::data() const {
  if (far_) return far_.get() + kMostGuard + kPointerAlignment;
  return near_.data() ? near_.data() + guard_ : nullptr;
}

std::vector<std::span<std::byte>> HostRows::beside() const {
  std::vector<std::span<std::byte>> spans;
  for (std::size_t i = 0; i < shape_.rows; ++i) {
    const std::span<std::byte> here = row(i);
    const bool last = i + 1 == shape_.rows;
    if (far_ || i == 0) spans.emplace_back(here.data() - guard_, guard_);
    spans.emplace_back(here.data() + here.size(), far_ || last ? guard_ : shape_.pitch - shape_.bytes);
  }
  return spans;
}

void HostRows::Unmap::operator()(std::byte* mapping) const { munmap(mapping, bytes); }

}  // namespace ditune
