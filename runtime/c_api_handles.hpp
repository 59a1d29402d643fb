// The handles of the C ABI, which know whether they were closed.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "ditune/ditune.h"
#include "ditune/error.hpp"
#include "ditune/runtime.hpp"
#include "runtime/append_only_map.hpp"
#include "runtime/hash.hpp"

namespace ditune {

class HandleError : public UsageError {
 public:
  using UsageError::UsageError;
};

// What a handle stands for.
class OpenRuntime {
 public:
  explicit OpenRuntime(const RuntimeOptions& options) : runtime_(options) {}
  const Runtime& runtime() const { return runtime_; }

  // The kernel's id, by which `kernel` finds it from then on.
  std::uint64_t add(const Prepared& prepared) {
    const std::uint64_t id = reinterpret_cast<std::uintptr_t>(&prepared);
    if (!kernels_.find(id)) kernels_.insert(id, &prepared);
    return id;
  }

  // Takes no lock. Whatever the id is, it is only followed if it was given out.
  const Prepared& kernel(std::uint64_t id) const {
    const Prepared* const* prepared = kernels_.find(id);
    if (!prepared) throw HandleError("the kernel is none of this runtime", "call ditune_prepare first");
    return **prepared;
  }

 private:
  struct HashId {
    std::size_t operator()(std::uint64_t id) const noexcept { return mix(id, 0); }
  };
  Runtime runtime_;
  AppendOnlyMap<std::uint64_t, const Prepared*, HashId> kernels_{4096};
};

// The state that a C ABI cannot do without: a handle is a slot and how often the slot was used, so that one that was
// closed is told from one that was opened since. Looking one up takes no lock.
class Runtimes {
 public:
  ditune_runtime open(std::unique_ptr<OpenRuntime> runtime) {
    const std::scoped_lock lock(changing_);
    const auto slot = std::ranges::find(slots_, nullptr, [](const Slot& s) { return s.runtime.get(); });
    if (slot == slots_.end())
      throw UsageError("there are " + std::to_string(kSlots) + " open runtimes", "close those that are not needed");
    slot->runtime = std::move(runtime);
    const std::uint64_t generation = slot->generation.load() + 1;  // odd: open
    slot->generation.store(generation, std::memory_order_release);
    return generation << kSlotBits | static_cast<std::uint64_t>(slot - slots_.begin());
  }

  void close(ditune_runtime handle) {
    std::unique_ptr<OpenRuntime> closed;
    const std::scoped_lock lock(changing_);
    static_cast<void>(find(handle));
    Slot& slot = slots_[handle % kSlots];
    slot.generation.fetch_add(1);
    closed = std::move(slot.runtime);
  }

  OpenRuntime& find(ditune_runtime handle) const {
    const Slot& slot = slots_[handle % kSlots];
    if (const std::uint64_t generation = handle >> kSlotBits;
        generation % 2 == 0 || slot.generation.load(std::memory_order_acquire) != generation)
      throw HandleError("the runtime is not open", "call ditune_open first, and ditune_close last");
    return *slot.runtime;
  }

 private:
  static constexpr int kSlotBits = 8;
  static constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;
  struct Slot {
    std::atomic<std::uint64_t> generation = 0;
    std::unique_ptr<OpenRuntime> runtime;
  };
  std::mutex changing_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace ditune
