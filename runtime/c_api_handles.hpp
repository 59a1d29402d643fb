// SPDX-License-Identifier: Apache-2.0
// The handles of the C ABI, which know whether they were closed.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/hash.hpp"
#include "ditune/config.hpp"
#include "ditune/ditune.h"
#include "ditune/error.hpp"
#include "ditune/members.hpp"
#include "ditune/runtime.hpp"
#include "lookup/append_only_map.hpp"
#include "runtime/named_device.hpp"

namespace ditune {

class HandleError : public UsageError {
 public:
  using UsageError::UsageError;
};

// A GPU as a caller names it: with a view of its name, and as it is kept.
template <class Name>
struct DeviceNameOf {
  Name name;
  int arch = 0, sms = 0;

  template <class Other>
  bool operator==(const DeviceNameOf<Other>& other) const {
    return arch == other.arch && sms == other.sms && name == other.name;
  }
};
using DeviceName = DeviceNameOf<std::string_view>;

// A config as a map's key: compared and hashed by functions that cannot throw, which a variant's own might.
struct ConfigKey {
  KernelConfig config;

  bool operator==(const ConfigKey& other) const noexcept { return is_same(config, other.config); }
};

struct HashConfig {
  std::size_t operator()(const ConfigKey& key) const noexcept {
    std::size_t hash = key.config.index();
    for_each_family([&]<class C>() {
      const C* config = std::get_if<C>(&key.config);
      if (!config) return;
      std::apply([&](const auto&... member) { ((hash = mix(hash, static_cast<std::uint64_t>(member))), ...); },
                 members(*config));
    });
    return hash;
  }
};

// What a handle stands for. Takes no lock for what was asked before.
class OpenRuntime {
 public:
  explicit OpenRuntime(RuntimeOptions options) : runtime_(counting(std::move(options))) {}
  const Runtime& runtime() const { return runtime_; }
  std::int64_t skipped_rows() const { return skipped_rows_; }

  const DeviceInfo& device(const DeviceName& its) {
    if (const DeviceInfo* known = devices_.find(its)) return *known;
    return *devices_.insert({std::string(its.name), its.arch, its.sms}, named_device(its.name, its.arch, its.sms))
                .first;
  }

  // format(config), until the runtime is closed.
  const std::string& text(const KernelConfig& config) {
    const ConfigKey key{config};
    if (const std::string* known = texts_.find(key)) return *known;
    return *texts_.insert(key, format(config)).first;
  }

  // The kernel's id, by which `kernel` finds it from then on.
  std::uint64_t add(const Prepared& prepared) {
    const std::uint64_t id = reinterpret_cast<std::uintptr_t>(&prepared);
    if (!kernels_.find(id)) kernels_.insert(id, &prepared);
    return id;
  }

  // Whatever the id is, it is only followed if it was given out.
  const Prepared& kernel(std::uint64_t id) const {
    const Prepared* const* prepared = kernels_.find(id);
    if (!prepared) throw HandleError("the kernel is none of this runtime", "call ditune_prepare first");
    return **prepared;
  }

 private:
  struct HashId {
    std::size_t operator()(std::uint64_t id) const noexcept { return mix(id, 0); }
  };
  struct HashDevice {
    template <class Name>
    std::size_t operator()(const DeviceNameOf<Name>& its) const noexcept {
      return mix(std::hash<Name>{}(its.name),
                 static_cast<std::uint64_t>(its.arch) << 32 ^ static_cast<std::uint64_t>(its.sms));
    }
  };
  // Rows are skipped when the runtime is opened, and at no other time.
  RuntimeOptions counting(RuntimeOptions options) {
    options.on_skipped = [this](const SkippedRows& rows) { skipped_rows_ += rows.count; };
    return options;
  }
  std::int64_t skipped_rows_ = 0;
  Runtime runtime_;
  AppendOnlyMap<DeviceNameOf<std::string>, DeviceInfo, HashDevice> devices_{64};
  AppendOnlyMap<ConfigKey, std::string, HashConfig> texts_{1024};
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
