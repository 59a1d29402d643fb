// SPDX-License-Identifier: Apache-2.0
// What the C ABI's target makes of its input: numbers, words and structs as a caller might hand them over.
#pragma once

#include <ditune/ditune.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "ditune/operation.hpp"

namespace ditune::fuzz {

// The input, read from its front; zeros behind its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}
  bool at_end() const { return data_ == end_; }
  std::uint8_t byte() { return at_end() ? std::uint8_t{0} : *data_++; }
  std::size_t below(std::size_t count) { return byte() % count; }
  bool one_in(std::size_t count) { return below(count) == count - 1; }

  template <class T>
  T raw() {
    T value{};
    const std::size_t bytes = std::min<std::size_t>(sizeof value, end_ - data_);
    std::memcpy(&value, data_, bytes);
    data_ += bytes;
    return value;
  }

  template <class T, std::size_t N>
  T among(const std::array<T, N>& values) {
    return values[below(N)];
  }

  std::int64_t number() {
    using Limits = std::numeric_limits<std::int64_t>;
    if (one_in(4)) return raw<std::int64_t>();
    return among(std::array{std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{7}, std::int64_t{8},
                            std::int64_t{16}, std::int64_t{33}, std::int64_t{96}, std::int64_t{4608}, kMaxK, kMaxK + 1,
                            kMaxExtent - 15, kMaxExtent, kMaxExtent + 1, Limits::max(), Limits::min()});
  }

  std::int32_t word() { return one_in(8) ? raw<std::int32_t>() : static_cast<std::int32_t>(below(8)) - 1; }

 private:
  const std::uint8_t* data_;
  const std::uint8_t* end_;
};

// Bytes of a struct's members in the first version of the header.
template <class T>
inline constexpr std::size_t kFirstBytes = sizeof(T);
template <>
inline constexpr std::size_t kFirstBytes<ditune_problem> = 56;
template <>
inline constexpr std::size_t kFirstBytes<ditune_args> = 88;
template <>
inline constexpr std::size_t kFirstBytes<ditune_open_options> = 48;
template <>
inline constexpr std::size_t kFirstBytes<ditune_quantize_problem> = 80;
template <>
inline constexpr std::size_t kFirstBytes<ditune_quantize_args> = 192;

// A struct as a caller hands it over: mostly as it is, else as an older header has it, of another size, misaligned, or
// null. It ends where its memory ends.
template <class T>
class Handed {
 public:
  Handed(Input& in, T value) : known_(value) {
    constexpr std::size_t kForms = 16, kMostSize = 64 * sizeof(T);
    std::size_t size = sizeof(T), offset = 0;
    const std::size_t form = in.below(kForms);
    if (form == 10) return;
    if (form == 9) size = kFirstBytes<T>;
    if (form == 11) size = in.below(sizeof(T));
    if (form == 12 || form == 13) size = sizeof(T) + 1 + in.byte();
    if (form == 14) size = in.one_in(2) ? std::numeric_limits<std::size_t>::max() : kMostSize + 1;
    if (form == 15) offset = 1 + in.below(alignof(T) - 1);
    value.size = size;
    size_ = size > kMostSize ? sizeof(T) : std::max(size, sizeof value.size);
    memory_ = std::make_unique<unsigned char[]>(offset + size_);
    at_ = memory_.get() + offset;
    std::memcpy(at_, &value, std::min(size_, sizeof value));
    known_ = {};
    std::memcpy(&known_, at_, std::min(size_, sizeof value));
    if (form == 13) at_[sizeof(T) + in.below(size - sizeof(T))] = 1;
    is_sane_ = form < 11 || form == 12 || (form == 11 && size >= kFirstBytes<T>);
    is_writable_ = is_sane_ || form == 13;
  }

  bool is_sane() const { return is_sane_; }
  // Whether the library would write to it, whatever is in it.
  bool is_writable() const { return is_writable_; }
  // What the library is told: the members that the caller has, zero for the others.
  const T& known() const { return known_; }
  T* get() const { return reinterpret_cast<T*>(at_); }
  std::vector<unsigned char> bytes() const { return {at_, at_ + size_}; }

 private:
  T known_;
  std::unique_ptr<unsigned char[]> memory_;
  unsigned char* at_ = nullptr;
  std::size_t size_ = 0;
  bool is_sane_ = false, is_writable_ = false;
};

}  // namespace ditune::fuzz
