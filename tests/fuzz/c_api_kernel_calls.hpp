// SPDX-License-Identifier: Apache-2.0
// The calls of the C ABI that look up, prepare, describe and launch kernels: the same for each kind of operation.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "c_api_session.hpp"
#include "ditune/config.hpp"

namespace ditune::fuzz {

struct GemmFunctions {
  using Problem = ditune_problem;
  using Args = ditune_args;
  static constexpr auto kLookup = ditune_lookup;
  static constexpr auto kPrepare = ditune_prepare;
  static constexpr auto kLaunch = ditune_launch;
  static constexpr auto kRun = ditune_run;
  static constexpr bool kAlwaysServed = true;  // by what is built in
};

struct QuantizeFunctions {
  using Problem = ditune_quantize_problem;
  using Args = ditune_quantize_args;
  static constexpr auto kLookup = ditune_lookup_quantize;
  static constexpr auto kPrepare = ditune_prepare_quantize;
  static constexpr auto kLaunch = ditune_launch_quantize;
  static constexpr auto kRun = ditune_run_quantize;
  static constexpr bool kAlwaysServed = false;
};

// Of a kernel whose handle is good.
inline ditune_kernel_info info_of(const ditune_kernel& kernel) {
  ditune_kernel_info info{};
  info.size = sizeof info;
  require(ditune_query(kernel, &info) == DITUNE_OK, "a prepared kernel is described");
  return info;
}

// What is true of every answer.
inline void check_info(ditune_status status, const Handed<ditune_kernel_info>& info,
                       const std::vector<unsigned char>& before) {
  const auto after = info.bytes();
  if (status != DITUNE_OK) {
    require(after == before, "a query that failed says nothing");
    return;
  }
  const ditune_kernel_info its = *info.get();
  require(std::equal(after.begin() + sizeof its, after.end(), before.begin() + sizeof its),
          "what this library does not know is left as it is");
  require(std::memcmp(&its.size, before.data(), sizeof its.size) == 0, "a struct keeps its size");
  require(its.match >= DITUNE_MATCH_EXACT && its.workspace_bytes >= 0, "a kernel has a match");
  require(*its.config == '\0' || format(parse_config(its.config)) == its.config, "a config is its text");
  require(is_line(its.note), "a note is a line");
}

inline void query(Session& session) {
  const ditune_kernel handle = session.pick_kernel();
  const Handed<ditune_kernel_info> info(session.in, {});
  const auto before = info.get() ? info.bytes() : std::vector<unsigned char>{};
  const ditune_status status = session.status_of([&] { return ditune_query(handle, info.get()); });
  const Session::Kernel* kernel = session.find(handle);
  require(status == (!kernel               ? DITUNE_INVALID_HANDLE
                     : !info.is_writable() ? DITUNE_INVALID_ARGUMENT
                                           : DITUNE_OK),
          "a query is checked");
  if (!info.get()) return;
  check_info(status, info, before);
  if (status != DITUNE_OK) return;
  const ditune_kernel_info its = *info.get();
  require(its.match < DITUNE_MATCH_NONE && *its.config != '\0', "a kernel has a config");
  require(its.device == kernel->device, "a kernel is described as it was prepared");
}

template <class Functions>
class KernelCalls {
 public:
  explicit KernelCalls(Session& session) : session_(session), in_(session.in) {}

  void prepare() {
    const ditune_runtime runtime = session_.pick_runtime();
    const Handed<Problem> its(in_, make_problem<Problem>(in_));
    const Problem value = its.known();
    const std::int32_t ordinal = session_.device();
    if (session_.is_too_slow(session_.find(runtime), value)) return;
    const bool has_place = !in_.one_in(16);
    const ditune_kernel untouched{1, 1};
    ditune_kernel kernel = untouched;
    const auto call = [&] { return Functions::kPrepare(runtime, ordinal, its.get(), has_place ? &kernel : nullptr); };

    const ditune_status status = session_.status_of(call);
    if (!session_.find(runtime)) {
      require(status == DITUNE_INVALID_HANDLE, "the runtime of a kernel is open");
    } else if (!has_place || !its.is_sane() || !is_legal(value)) {
      require(status == DITUNE_INVALID_ARGUMENT, "a problem is checked");
    } else {
      check_preparation(status, value, ordinal);
    }
    require(machine().launches.empty(), "to prepare is not to launch");
    require(status != DITUNE_OK || (kernel.runtime == runtime && kernel.id != 0), "a prepared kernel has a handle");
    require(status == DITUNE_OK || !has_place || (kernel.runtime == 0 && kernel.id == 0), "a failed one has none");
    if (status != DITUNE_OK) return;
    const ditune_kernel first = std::exchange(kernel, untouched);
    require(session_.status_of(call) == DITUNE_OK && kernel.runtime == first.runtime && kernel.id == first.id,
            "what is prepared is found again");
    session_.add({kernel, ordinal, value});
  }

  void look_up() {
    const ditune_runtime runtime = session_.pick_runtime();
    const ditune_device gpu = named_device(in_);
    const Handed<ditune_device> device(in_, gpu);
    const Handed<Problem> its(in_, make_problem<Problem>(in_));
    const Problem asked = its.known();
    const bool are_legal = is_legal(gpu) && is_legal(asked);
    if (are_legal && session_.is_too_slow(session_.find(runtime), asked)) return;
    const Handed<ditune_kernel_info> info(in_, {});
    const auto before = info.get() ? info.bytes() : std::vector<unsigned char>{};
    const auto call = [&] { return Functions::kLookup(runtime, device.get(), its.get(), info.get()); };

    const ditune_status status = session_.status_of(call);
    const bool is_sane = device.is_sane() && its.is_sane() && info.is_writable() && are_legal;
    require(status == (!session_.find(runtime)         ? DITUNE_INVALID_HANDLE
                       : !is_sane                      ? DITUNE_INVALID_ARGUMENT
                       : session_.was_told_and_threw() ? DITUNE_INTERNAL
                                                       : DITUNE_OK),
            "a lookup is checked, and needs no device");
    require(machine().launches.empty(), "to look up is not to launch");
    if (!info.get()) return;
    check_info(status, info, before);
    if (status == DITUNE_OK) check_found(*info.get(), runtime, gpu, asked);
  }

  void launch() {
    const ditune_kernel handle = session_.pick_kernel();
    const Session::Kernel* kernel = session_.find(handle);
    const Problem* prepared = kernel ? std::get_if<Problem>(&kernel->problem) : nullptr;
    const Problem its = prepared ? *prepared : make_problem<Problem>(in_);
    const std::int64_t workspace_bytes = kernel ? info_of(handle).workspace_bytes : 0;
    const std::size_t changed = changes();
    const Handed<Args> args(in_, arguments(in_, its, changed));
    const Args value = args.known();
    void* stream = address<void>(in_.byte());
    const ditune_status status = session_.status_of([&] { return Functions::kLaunch(handle, args.get(), stream); });
    if (!prepared) {
      require(status == (kernel ? DITUNE_INVALID_ARGUMENT : DITUNE_INVALID_HANDLE) && machine().launches.empty(),
              "a launch is of a prepared kernel of its kind");
      return;
    }
    const bool are_legal = args.is_sane() && is_legal(value, its, {.workspace_bytes = workspace_bytes});
    require(are_legal || status == DITUNE_INVALID_ARGUMENT, "arguments are checked");
    check_launch(status, its, value, stream);
    if (are_legal && changed == 0 && !machine().faults.fails_launches)
      require(status == DITUNE_OK, std::string("dense rows are taken: ") + ditune_last_error());
  }

  void run_by_problem() {
    const ditune_runtime runtime = session_.pick_runtime();
    const Handed<Problem> asked(in_, make_problem<Problem>(in_));
    const Problem its = asked.known();
    const std::int32_t ordinal = session_.device();
    if (session_.is_too_slow(session_.find(runtime), its)) return;
    const Handed<Args> args(in_, arguments(in_, its, changes()));
    const Args value = args.known();
    void* stream = address<void>(in_.byte());
    const ditune_status status =
        session_.status_of([&] { return Functions::kRun(runtime, ordinal, asked.get(), args.get(), stream); });
    require((status == DITUNE_INVALID_HANDLE) == !session_.find(runtime), "the runtime of a launch is open");
    const bool is_sane = asked.is_sane() && args.is_sane() && is_legal(its);
    require(is_sane || status == DITUNE_INVALID_ARGUMENT || status == DITUNE_INVALID_HANDLE, "a launch is checked");
    require(!session_.find(runtime) || !is_sane || has_device(ordinal) || status == missing_device(),
            "a device is one of those that are there");
    require(status != DITUNE_NO_DEVICE || machine().faults.has_no_devices, "there is a device");
    require(status != DITUNE_NOT_PREPARED || machine().faults.is_capturing, "what is not prepared is prepared");
    check_launch(status, its, value, stream);
  }

 private:
  using Problem = typename Functions::Problem;
  using Args = typename Functions::Args;

  std::size_t changes() { return in_.one_in(2) ? 1 + in_.below(4) : 0; }

  static bool has_device(std::int32_t ordinal) { return ordinal >= 0 && ordinal < Machine::kDevices; }

  // What it is to ask for one that is not there.
  static ditune_status missing_device() {
    return machine().faults.has_no_devices ? DITUNE_NO_DEVICE : DITUNE_INVALID_ARGUMENT;
  }

  void check_preparation(ditune_status status, const Problem& its, std::int32_t ordinal) const {
    if (!has_device(ordinal)) {
      require(status == missing_device(), "a device is one of those that are there");
      return;
    }
    if (session_.was_told_and_threw() || status == DITUNE_OK) return;
    const Faults& faults = machine().faults;
    const bool may_be_refused = !Functions::kAlwaysServed || is_huge(its);
    require(faults != Faults{} || (may_be_refused && status == DITUNE_NO_KERNEL), "every problem is served");
    require(status == DITUNE_NO_KERNEL || (status == DITUNE_CUDA_ERROR && faults.fails_devices) ||
                (status == DITUNE_NO_DEVICE && faults.has_no_devices),
            "where no kernel can be had that is said");
  }

  // As it would be prepared there.
  void check_found(const ditune_kernel_info& found, ditune_runtime runtime, const ditune_device& gpu,
                   const Problem& asked) const {
    require(found.device == -1 && *found.note == '\0' && found.match <= DITUNE_MATCH_NONE, "a lookup has no device");
    require((*found.config == '\0') == (found.match == DITUNE_MATCH_NONE), "what is found has a config");
    for (const Session::Kernel& kernel : session_.kernels()) {
      const Card& there = kCards[kernel.device == 0 ? 1 : 2];
      const bool is_there = gpu.name && std::string_view(gpu.name) == there.name && (gpu.arch == 0 || gpu.sms == 0);
      const auto* const problem = std::get_if<Problem>(&kernel.problem);
      if (!is_there || kernel.handle.runtime != runtime || !problem || !is_equal(*problem, asked)) continue;
      const ditune_kernel_info prepared = info_of(kernel.handle);
      if (*prepared.note != '\0') continue;  // another in its place
      require(prepared.match == found.match && std::string_view(prepared.config) == found.config &&
                  prepared.workspace_bytes == found.workspace_bytes,
              "what is found is what is prepared");
    }
  }

  // Where it succeeded, what the driver saw is what was asked, and defined; else it saw nothing.
  static void check_launch(ditune_status status, const Problem& its, const Args& args, const void* stream) {
    const std::vector<Launch>& launches = machine().launches;
    require(launches.size() == (status == DITUNE_OK ? 1 : 0), "a launch that failed does not reach the driver");
    require(status != DITUNE_CUDA_ERROR || machine().faults != Faults{}, "the driver fails by itself");
    if (status != DITUNE_OK) return;
    const Launch& launch = launches.front();
    const LaunchPlan& plan = launch.plan;
    require(is_legal(args, its, {.workspace_bytes = plan.workspace_bytes}), "what is launched is defined");
    require(launch.stream == stream && is_asked(launch, args, its), "what is launched is what was asked");
    require(plan.grid >= 1 && plan.grid <= kMaxGrid && plan.block >= 1 && plan.block <= 1024, "a launch has a grid");
  }

  Session& session_;
  Input& in_;
};

}  // namespace ditune::fuzz
