// SPDX-License-Identifier: Apache-2.0
#include "ditune/runtime.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/hash.hpp"
#include "core/plain_text.hpp"
#include "ditune/error.hpp"
#include "generator/arguments.hpp"
#include "generator/emit.hpp"
#include "generator/fallback.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"
#include "lookup/append_only_map.hpp"
#include "lookup/serving.hpp"
#include "runtime/fallback.hpp"
#include "runtime/runtime_parts.hpp"

namespace ditune {
namespace {

struct PreparedKey {
  Operation operation;
  int device = 0;
  bool operator==(const PreparedKey& other) const noexcept {
    return device == other.device && is_same(operation, other.operation);
  }
};

struct HashPrepared {
  std::size_t operator()(const PreparedKey& key) const noexcept {
    return mix(hash_of(key.operation), static_cast<std::uint64_t>(key.device));
  }
};

void require_same_sizes(const Operation& prepared, const Arguments& arguments) {
  if (prepared.index() != arguments.index())
    throw UsageError("the kernel was prepared for " + std::string(kind_name(prepared)) + ", the arguments are not",
                     "launch it with the arguments of its kind");
  if (!has_sizes_of(prepared, arguments))
    throw UsageError("the arguments are of " + describe_sizes(with_sizes_of(prepared, arguments)) +
                         ", the kernel was prepared for " + describe_sizes(prepared),
                     "prepare the problem that is launched");
}

}  // namespace

// The tensor maps of a problem whose rows lie without gaps, at no address: a launch moves them to its own, which takes
// a quarter of encoding them.
class PackedMaps {
 public:
  // Throws CudaError.
  PackedMaps(const Driver& driver, const KernelConfig& config, const Operation& operation, int ordinal)
      : ordinal_(ordinal) {
    const auto* const anywhere = reinterpret_cast<const void*>(std::uintptr_t{1} << 12);  // never followed
    Arguments arguments = arguments_of(operation);
    for (const Operand& operand : operands_of(operation, arguments)) set_pointer(arguments, operand, anywhere);
    kernel_parameter(config, operation, arguments, [&](const TensorMapSpec& spec) {
      maps_.emplace_back(spec, driver.move(driver.encode(spec, ordinal_), spec.base, ordinal_));
      return maps_.back().second;
    });
  }

  TensorMap at(const Driver& driver, const TensorMapSpec& spec) const {
    for (const auto& [packed, map] : maps_)
      if (is_same_but_for_base(packed, spec)) return driver.move(map, spec.base, ordinal_);
    return driver.encode(spec, ordinal_);
  }

 private:
  static bool is_same_but_for_base(const TensorMapSpec& a, const TensorMapSpec& b) {
    return a.rows == b.rows && a.columns == b.columns && a.pitch == b.pitch && a.element_bytes == b.element_bytes &&
           a.box_rows == b.box_rows && a.box_bytes == b.box_bytes;
  }

  int ordinal_;
  std::vector<std::pair<TensorMapSpec, TensorMap>> maps_;
};

class Runtime::Impl {
 public:
  explicit Impl(RuntimeParts parts)
      : parts_(std::move(parts)),
        library_(std::move(parts_.records), {.on_miss = std::move(parts_.on_miss), .compile = parts_.policy}) {}

  LookupResult lookup(const Operation& operation, const DeviceInfo& device) const {
    return library_.lookup(operation, device, parts_.regime);
  }

  const DeviceInfo& info(int ordinal) {
    if (const DeviceInfo* known = devices_.find(ordinal)) return *known;
    require_visible(ordinal);
    return *devices_.insert(ordinal, parts_.driver->device(ordinal)).first;
  }

  void require_visible(int ordinal) const {
    const int count = parts_.driver->device_count();
    const std::string what = "there is no GPU " + std::to_string(ordinal);
    if (count == 0)
      throw NoDeviceError(what + ": no GPU is visible",
                          "install an NVIDIA driver, or a newer one, or look at CUDA_VISIBLE_DEVICES: `ditune doctor` "
                          "tells which");
    if (ordinal < 0 || ordinal >= count) throw UsageError(what + ", visible: " + std::to_string(count), "count from 0");
  }

  const Prepared* find(const PreparedKey& key) const { return prepared_.find(key); }

  const Prepared& prepare(const PreparedKey& key) {
    if (const Prepared* found = find(key)) return *found;
    const std::scoped_lock lock(preparing_);
    if (const Prepared* found = find(key)) return *found;
    return *prepared_.insert(key, make(key)).first;
  }

  void launch(const PreparedKey& key, const Arguments& arguments, CUstream_st* stream) {
    if (const Prepared* prepared = find(key)) return launch(*prepared, arguments, stream);
    require_visible(key.device);  // without a GPU there is no stream to ask
    if (parts_.driver->is_capturing(stream, key.device))
      throw NotPreparedError(describe_sizes(key.operation) + " is not prepared, and the stream is being captured",
                             "prepare it before the capture");
    launch(prepare(key), arguments, stream);
  }

  void launch(const Prepared& prepared, const Arguments& arguments, CUstream_st* stream) const {
    require_same_sizes(prepared.operation_, arguments);
    check_launch(prepared.config_, prepared.operation_, arguments, prepared.plan_.workspace_bytes);
    prepared.kernel_->launch(prepared.plan_, parameter(prepared, arguments), stream);
  }

 private:
  struct Ordinal {
    std::size_t operator()(int ordinal) const noexcept { return static_cast<std::size_t>(ordinal); }
  };

  bool may_compile() const { return parts_.policy == CompilePolicy::as_needed; }
  static NvrtcError compiles_nothing() {
    return {"this runtime compiles no kernels", "tune on this device, or open the runtime without that"};
  }

  KernelParameter parameter(const Prepared& prepared, const Arguments& arguments) const {
    if (prepared.is_fallback_) return fallback_parameter(prepared.operation_, arguments);
    return kernel_parameter(prepared.config_, prepared.operation_, arguments,
                            [&driver = *parts_.driver, &maps = *prepared.maps_](const TensorMapSpec& spec) {
                              return maps.at(driver, spec);
                            });
  }

  // What lookup finds; if that cannot be had, or it finds nothing, what is built in.
  Prepared make(const PreparedKey& key) {
    const LookupResult found = lookup(key.operation, info(key.device));
    Prepared prepared;
    prepared.operation_ = key.operation;
    prepared.device_ = key.device;
    prepared.match_ = found.match;
    prepared.config_ = found.config;
    prepared.plan_ = found.plan;
    if (found.match == Match::none)
      prepared.note_ = may_compile() ? "no candidate runs it" : compiles_nothing().what();
    else
      prepared.kernel_ = kernel(found, key, prepared.note_);
    if (prepared.kernel_) describe(prepared);
    if (!prepared.kernel_) take_fallback(prepared);
    prepared.config_text_ = format(prepared.config_);
    prepared.note_ = to_plain(prepared.note_);  // quotes drivers and paths
    return prepared;
  }

  // A kernel that the driver cannot describe tensors for is none.
  void describe(Prepared& prepared) const {
    try {
      prepared.maps_ =
          std::make_shared<const PackedMaps>(*parts_.driver, prepared.config_, prepared.operation_, prepared.device_);
    } catch (const CudaError& error) {
      prepared.note_ += (prepared.note_.empty() ? "" : "; ") + std::string(error.what());
      prepared.kernel_.reset();
    }
  }

  // Shared by all problems that it serves on a device; null where it cannot be had.
  std::shared_ptr<const LoadedKernel> kernel(const LookupResult& found, const PreparedKey& key, std::string& note) {
    const std::string name = kernel_name(found.config, key.operation);
    auto& [loaded, its_note] = kernels_[{key.device, name}];
    if (!loaded) loaded = load(found, key, name, its_note);
    note = its_note;
    return loaded;
  }

  std::unique_ptr<const LoadedKernel> load(const LookupResult& found, const PreparedKey& key, const std::string& name,
                                           std::string& note) {
    const auto load_image = [&](const KernelImage& image) {
      return parts_.driver->load(image.image, image.name, key.device, found.plan.shared_bytes);
    };
    note.clear();
    // The parameter of an older template need not be today's.
    if (found.record && is_of_todays_template(*found.record) && parts_.stored) {
      try {
        const std::string cubin = parts_.stored(*found.record);
        if (!cubin.empty()) return load_image({cubin, name});
      } catch (const Error& error) {
        note = error.what();
      }
    }
    try {
      if (!may_compile()) throw compiles_nothing();
      if (!parts_.compile) throw NvrtcError("there is no compiler", "tune on this device, so that kernels are stored");
      return load_image(parts_.compile(found.config, key.operation, info(key.device).arch));
    } catch (const Error& error) {
      note += (note.empty() ? "" : "; ") + std::string(error.what());
    }
    return nullptr;
  }

  void take_fallback(Prepared& prepared) {
    const DeviceInfo& device = info(prepared.device_);
    parse_operation(format(prepared.operation_));  // or throws
    const std::optional<KernelConfig> config = fallback_config(prepared.operation_);
    if (!config)
      throw NoKernelError("no kernel for " + describe_sizes(prepared.operation_) + ": " + prepared.note_ +
                              "; and none of " + std::string(kind_name(prepared.operation_)) + " is built in",
                          "tune it on " + device.name);
    const FallbackKernel fallback = fallback_kernel(device.arch, *config);
    const Target target{prepared.operation_, device};
    if (const auto rejection = refusal(*config, target))
      throw NoKernelError(
          "no kernel runs " + describe_sizes(prepared.operation_) + " on " + device.name + ": " + rejection->reason,
          "launch it in parts");
    prepared.match_ = Match::fallback;
    prepared.is_fallback_ = true;
    prepared.config_ = *config;
    prepared.plan_ = launch_plan(*config, target);
    std::shared_ptr<const LoadedKernel>& loaded = kernels_[{prepared.device_, fallback.name}].first;
    try {
      if (!loaded)
        loaded = parts_.driver->load(std::string(fallback.image), fallback.name, prepared.device_,
                                     prepared.plan_.shared_bytes);
    } catch (const CudaError& error) {
      throw NoKernelError("no kernel for " + describe_sizes(prepared.operation_) + ": " + prepared.note_ +
                              "; nor that which is built in: " + error.what(),
                          "");
    }
    prepared.kernel_ = loaded;
  }

  RuntimeParts parts_;
  Library library_;
  AppendOnlyMap<int, DeviceInfo, Ordinal> devices_{16};
  AppendOnlyMap<PreparedKey, Prepared, HashPrepared> prepared_{4096};
  std::mutex preparing_;  // of what follows
  std::map<std::pair<int, std::string>, std::pair<std::shared_ptr<const LoadedKernel>, std::string>> kernels_;
};

Runtime::Runtime(const RuntimeOptions& options) : Runtime(installed_parts(options)) {}
Runtime::Runtime(RuntimeParts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
Runtime::Runtime(Runtime&&) noexcept = default;
Runtime& Runtime::operator=(Runtime&&) noexcept = default;
Runtime::~Runtime() = default;

LookupResult Runtime::lookup(const Operation& operation, int device) const {
  return impl_->lookup(operation, impl_->info(device));
}

LookupResult Runtime::lookup(const Operation& operation, const DeviceInfo& device) const {
  return impl_->lookup(operation, device);
}

const Prepared& Runtime::prepare(const Operation& operation, int device) const {
  return impl_->prepare({operation, device});
}

void Runtime::launch(const Prepared& prepared, const FusedGemmArgs& args, CUstream_st* stream) const {
  impl_->launch(prepared, args, stream);
}

void Runtime::launch(const FusedGemmArgs& args, const Epilogue& epilogue, int device, CUstream_st* stream) const {
  impl_->launch({Gemm{.m = args.m, .n = args.n, .k = args.k, .epilogue = epilogue}, device}, args, stream);
}

void Runtime::launch(const Prepared& prepared, const QuantizeArgs& args, CUstream_st* stream) const {
  impl_->launch(prepared, args, stream);
}

void Runtime::launch(const QuantizeArgs& args, const Prologue& prologue, int device, CUstream_st* stream) const {
  impl_->launch({Quantize{.m = args.m, .k = args.k, .prologue = prologue}, device}, args, stream);
}

}  // namespace ditune
