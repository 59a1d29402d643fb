// SPDX-License-Identifier: Apache-2.0
// Calls of the C ABI as a program without regard for its header might make them. Whatever the host can see is refused
// with a status and a sentence; what is launched is defined.
#include <ditune/ditune.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "c_api_files.hpp"
#include "c_api_input.hpp"
#include "c_api_machine.hpp"
#include "c_api_oracle.hpp"
#include "c_api_requests.hpp"
#include "ditune/config.hpp"
#include "ditune/operation.hpp"
#include "fuzz.hpp"
#include "gemm.hpp"

using namespace ditune;

namespace {

using fuzz::Faults;
using fuzz::Files;
using fuzz::Handed;
using fuzz::Input;
using fuzz::kLayers;
using fuzz::Layer;
using fuzz::machine;
using fuzz::require;

// Of the miss callback, which may not throw through the border by itself.
struct Told {
  bool throws = false, has_thrown = false;
  std::string broken;  // what it was told wrongly
};

bool tunes(std::string_view command, const ditune_problem& problem) {
  constexpr std::string_view kShape = "ditune tune --shape ", kEpilogue = " --epilogue ";
  const std::size_t at = command.find(kEpilogue);
  if (!command.starts_with(kShape) || at == std::string_view::npos) return false;
  const auto gemm = fuzz::accepted([&] {
    return test::with(parse_shape(command.substr(kShape.size(), at - kShape.size())),
                      parse_epilogue(command.substr(at + kEpilogue.size())));
  });
  return gemm && fuzz::is_equal(fuzz::problem_of(*gemm), problem);
}

void on_miss(const ditune_problem* problem, std::int32_t match, const char* command, void* user) {
  auto& told = *static_cast<Told*>(user);
  if (problem->size != sizeof *problem || !fuzz::is_legal(*problem)) told.broken = "a problem that is missed is legal";
  if (match < DITUNE_MATCH_MODEL || match > DITUNE_MATCH_NONE) told.broken = "a miss is no record's match";
  if (!fuzz::is_line(command) || !tunes(command, *problem)) told.broken = "a miss comes with the command that tunes it";
  if (!told.throws) return;
  told.has_thrown = true;
  throw std::runtime_error("an error\nof two lines");
}

class Program {
 public:
  Program(Files& files, Input in) : files_(files), in_(in) { machine().faults = {}; }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() = default;

  void run() {
    for (int calls = 0; calls < kMostCalls && !in_.at_end(); ++calls) make_call(in_.below(16));
    machine().faults = {};
    while (!open_.empty()) close(open_.back().handle);
  }

 private:
  static constexpr int kMostCalls = 40, kMostOpened = 4, kMostModelled = 1;

  struct Opened {
    ditune_runtime handle;
    bool is_sound;  // its only database is the sound one
  };
  struct Kernel {
    ditune_kernel handle;
    std::int32_t device;
    ditune_problem problem;
  };

  void make_call(std::size_t which) {
    if (which >= 14) return look_up();
    if (which == 10) return interleave();
    switch (which % 8) {
      case 0:
        return open();
      case 1:
        return close(pick_runtime());
      case 2:
        machine().faults = faults();
        return;
      case 3:
        return query();
      case 4:
        return launch();
      case 5:
        return run_by_problem();
      default:
        return prepare();
    }
  }

  // Makes a call and checks what is true of every one.
  template <class Call>
  ditune_status status_of(Call&& call) {
    const std::string before = ditune_last_error();
    told_.has_thrown = false;
    machine().launches.clear();
    const ditune_status status = call();
    const char* said = ditune_last_error();
    require(status >= DITUNE_OK && status <= DITUNE_NO_DEVICE, "a status is one of the header's");
    require(fuzz::is_line(said), "an error is one line of UTF-8");
    require(status == DITUNE_OK ? said == before : *said != '\0', "a call that failed says why, and no other");
    require(told_.broken.empty(), told_.broken);
    require((status == DITUNE_INTERNAL) == told_.has_thrown, std::string("an error has its status: ") + said);
    return status;
  }

  Faults faults() {
    if (in_.one_in(2)) return {};
    const unsigned bits = in_.byte();
    const auto has = [&](unsigned bit) { return (bits >> bit & 1U) != 0; };
    return {.is_capturing = has(0),
            .refuses_cubins = has(1),
            .refuses_ptx = has(2),
            .fails_launches = has(3),
            .has_no_compiler = has(4),
            .fails_compilation = has(5),
            .has_no_devices = has(6),
            .fails_devices = has(7)};
  }

  // Made up, or of one that is or was open.
  ditune_runtime pick_runtime() {
    const std::size_t form = in_.below(8);
    if (form == 7) return in_.raw<std::uint64_t>();
    if (form == 6 && !closed_.empty()) return closed_[in_.below(closed_.size())];
    if (open_.empty()) return form;
    const ditune_runtime handle = open_[in_.below(open_.size())].handle;
    return form == 5 ? handle ^ 1U << in_.below(16) : handle;
  }

  // The same of kernels; of mixed ones, too.
  ditune_kernel pick_kernel() {
    const std::size_t form = in_.below(16);
    if (kernels_.empty() || form == 15) return {pick_runtime(), in_.raw<std::uint64_t>()};
    const ditune_kernel kernel = kernels_[in_.below(kernels_.size())].handle;
    if (form == 14) return {kernel.id, kernel.runtime};
    if (form == 13) return {pick_runtime(), kernel.id};
    if (form == 12) return {kernel.runtime, kernel.id + in_.byte()};
    return kernel;
  }

  const Opened* find(ditune_runtime handle) const {
    const auto found = std::ranges::find(open_, handle, &Opened::handle);
    return found == open_.end() ? nullptr : &*found;
  }

  // Of a runtime that is open.
  const Kernel* find(const ditune_kernel& handle) const {
    const auto found = std::ranges::find_if(kernels_, [&](const Kernel& kernel) {
      return kernel.handle.runtime == handle.runtime && kernel.handle.id == handle.id;
    });
    return found == kernels_.end() || !find(handle.runtime) ? nullptr : &*found;
  }

  void open() {
    if (++opened_ > kMostOpened) return;
    std::array<const char*, 3> names{};
    std::vector<Files::Kind> kinds;
    ditune_open_options options{};
    options.databases = names.data();
    options.database_count = in_.one_in(2) ? in_.below(names.size() + 1) : 1;
    for (std::size_t i = 0; i < options.database_count; ++i) {
      const auto [name, kind] = files_.pick(in_);
      names[i] = name;
      kinds.push_back(kind);
    }
    const bool names_null = in_.one_in(16) && options.database_count > 0;
    if (names_null && in_.one_in(2))
      options.databases = nullptr;
    else if (names_null)
      names[in_.below(options.database_count)] = nullptr;
    options.regime = in_.one_in(4) ? in_.word() : 0;
    if (in_.one_in(2)) options.on_miss = on_miss;
    options.user = &told_;
    told_.throws = in_.one_in(8);
    const Handed<ditune_open_options> its(in_, options);
    const bool has_place = !in_.one_in(16);
    ditune_runtime handle = 1;

    const ditune_status status = status_of([&] { return ditune_open(its.get(), has_place ? &handle : nullptr); });
    const auto all = [&](Files::Kind kind) { return std::ranges::count(kinds, kind) == std::ssize(kinds); };
    if (!has_place) {
      require(status == DITUNE_INVALID_ARGUMENT, "a handle needs a place");
    } else if (!its.get()) {
      require(status == DITUNE_OK, "no options are the default");
    } else if (!its.is_sane() || names_null || options.regime < 0 || options.regime > 1) {
      require(status == DITUNE_INVALID_ARGUMENT, "options are checked");
    } else if (all(Files::Kind::sound)) {
      require(status == DITUNE_OK, "sound databases are opened");
    } else {
      const bool is_damaged = std::ranges::count(kinds, Files::Kind::damaged) > 0;
      require(status == DITUNE_DATABASE_ERROR || (status == DITUNE_OK && !is_damaged), "a damaged one is not");
    }
    if (!has_place) return;
    require((handle != 0) == (status == DITUNE_OK), "a handle is 0 where opening failed");
    if (status != DITUNE_OK) return;
    require(!find(handle) && std::ranges::count(closed_, handle) == 0, "a handle is new");
    open_.push_back({handle, its.get() && kinds.size() == 1 && names[0] == files_.sound()});
  }

  void close(ditune_runtime handle) {
    const bool is_open = find(handle) != nullptr;
    const ditune_status status = status_of([&] { return ditune_close(handle); });
    require(status == (is_open ? DITUNE_OK : DITUNE_INVALID_HANDLE), "what is open is closed, once");
    if (!is_open) return;
    std::erase_if(open_, [&](const Opened& its) { return its.handle == handle; });
    closed_.push_back(handle);
  }

  // To rank all candidates takes longer than all else: few inputs' questions come to that.
  bool is_too_slow(const Opened* runtime, const ditune_problem& its) {
    if (!runtime || !fuzz::is_legal(its) || is_recorded(*runtime, its)) return false;
    return !in_.one_in(8) || ++modelled_ > kMostModelled;
  }

  // Whether a record answers, on the cards of the machine.
  static bool is_recorded(const Opened& runtime, const ditune_problem& its) {
    if (!runtime.is_sound) return false;
    return std::ranges::any_of(kLayers,
                               [&](const Layer& layer) { return fuzz::is_equal(fuzz::problem_of(layer, its.m), its); });
  }

  std::int32_t device() { return in_.one_in(8) ? in_.word() : static_cast<std::int32_t>(in_.below(2)); }

  static bool has_device(std::int32_t ordinal) { return ordinal >= 0 && ordinal < fuzz::Machine::kDevices; }

  // What it is to ask for one that is not there.
  static ditune_status missing_device() {
    return machine().faults.has_no_devices ? DITUNE_NO_DEVICE : DITUNE_INVALID_ARGUMENT;
  }

  void prepare() {
    const ditune_runtime runtime = pick_runtime();
    const Handed<ditune_problem> its(in_, fuzz::problem(in_));
    const ditune_problem value = its.known();
    const std::int32_t ordinal = device();
    if (is_too_slow(find(runtime), value)) return;
    const bool has_place = !in_.one_in(16);
    const ditune_kernel untouched{1, 1};
    ditune_kernel kernel = untouched;
    const auto call = [&] { return ditune_prepare(runtime, ordinal, its.get(), has_place ? &kernel : nullptr); };

    const ditune_status status = status_of(call);
    if (!find(runtime)) {
      require(status == DITUNE_INVALID_HANDLE, "the runtime of a kernel is open");
    } else if (!has_place || !its.is_sane() || !fuzz::is_legal(value)) {
      require(status == DITUNE_INVALID_ARGUMENT, "a problem is checked");
    } else {
      check_preparation(status, value, ordinal);
    }
    require(machine().launches.empty(), "to prepare is not to launch");
    require(status != DITUNE_OK || (kernel.runtime == runtime && kernel.id != 0), "a prepared kernel has a handle");
    require(status == DITUNE_OK || !has_place || (kernel.runtime == 0 && kernel.id == 0), "a failed one has none");
    if (status != DITUNE_OK) return;
    const ditune_kernel first = std::exchange(kernel, untouched);
    require(status_of(call) == DITUNE_OK && kernel.runtime == first.runtime && kernel.id == first.id,
            "what is prepared is found again");
    if (!find(kernel)) kernels_.push_back({kernel, ordinal, value});
  }

  void check_preparation(ditune_status status, const ditune_problem& its, std::int32_t ordinal) const {
    if (!has_device(ordinal)) {
      require(status == missing_device(), "a device is one of those that are there");
      return;
    }
    if (told_.has_thrown || status == DITUNE_OK) return;
    const Faults& faults = machine().faults;
    const bool is_huge = its.m * its.n > kMaxExtent;
    require(faults != Faults{} || (is_huge && status == DITUNE_NO_KERNEL), "every problem is served");
    require(status == DITUNE_NO_KERNEL || (status == DITUNE_CUDA_ERROR && faults.fails_devices) ||
                (status == DITUNE_NO_DEVICE && faults.has_no_devices),
            "where no kernel can be had that is said");
  }

  // Of a kernel whose handle is good.
  static ditune_kernel_info info_of(const ditune_kernel& kernel) {
    ditune_kernel_info info{};
    info.size = sizeof info;
    require(ditune_query(kernel, &info) == DITUNE_OK, "a prepared kernel is described");
    return info;
  }

  void look_up() {
    const ditune_runtime runtime = pick_runtime();
    const ditune_device gpu = fuzz::named_device(in_);
    const Handed<ditune_device> device(in_, gpu);
    const Handed<ditune_problem> its(in_, fuzz::problem(in_));
    const ditune_problem asked = its.known();
    const bool is_legal = fuzz::is_legal(gpu) && fuzz::is_legal(asked);
    if (is_legal && is_too_slow(find(runtime), asked)) return;
    const Handed<ditune_kernel_info> info(in_, {});
    const auto before = info.get() ? info.bytes() : std::vector<unsigned char>{};
    const auto call = [&] { return ditune_lookup(runtime, device.get(), its.get(), info.get()); };

    const ditune_status status = status_of(call);
    const bool is_sane = device.is_sane() && its.is_sane() && info.is_sane() && is_legal;
    require(status == (!find(runtime)     ? DITUNE_INVALID_HANDLE
                       : !is_sane         ? DITUNE_INVALID_ARGUMENT
                       : told_.has_thrown ? DITUNE_INTERNAL
                                          : DITUNE_OK),
            "a lookup is checked, and needs no device");
    require(machine().launches.empty(), "to look up is not to launch");
    if (!info.get()) return;
    check_info(status, info, before);
    if (status == DITUNE_OK) check_found(*info.get(), runtime, gpu, asked);
  }

  // As it would be prepared there.
  void check_found(const ditune_kernel_info& found, ditune_runtime runtime, const ditune_device& gpu,
                   const ditune_problem& asked) const {
    require(found.device == -1 && *found.note == '\0' && found.match <= DITUNE_MATCH_NONE, "a lookup has no device");
    require((*found.config == '\0') == (found.match == DITUNE_MATCH_NONE), "what is found has a config");
    for (const Kernel& kernel : kernels_) {
      const fuzz::Card& there = fuzz::kCards[kernel.device == 0 ? 1 : 2];
      const bool is_there = gpu.name && std::string_view(gpu.name) == there.name && (gpu.arch == 0 || gpu.sms == 0);
      if (!is_there || kernel.handle.runtime != runtime || !fuzz::is_equal(kernel.problem, asked)) continue;
      const ditune_kernel_info prepared = info_of(kernel.handle);
      if (*prepared.note != '\0') continue;  // another in its place
      require(prepared.match == found.match && std::string_view(prepared.config) == found.config &&
                  prepared.workspace_bytes == found.workspace_bytes,
              "what is found is what is prepared");
    }
  }

  // What is true of every answer.
  static void check_info(ditune_status status, const Handed<ditune_kernel_info>& info,
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
    require(fuzz::is_line(its.note), "a note is a line");
  }

  void query() {
    const ditune_kernel handle = pick_kernel();
    const Handed<ditune_kernel_info> info(in_, {});
    const auto before = info.get() ? info.bytes() : std::vector<unsigned char>{};
    const ditune_status status = status_of([&] { return ditune_query(handle, info.get()); });
    const Kernel* kernel = find(handle);
    require(status == (!kernel           ? DITUNE_INVALID_HANDLE
                       : !info.is_sane() ? DITUNE_INVALID_ARGUMENT
                                         : DITUNE_OK),
            "a query is checked");
    if (!info.get()) return;
    check_info(status, info, before);
    if (status != DITUNE_OK) return;
    const ditune_kernel_info its = *info.get();
    require(its.match < DITUNE_MATCH_NONE && *its.config != '\0', "a kernel has a config");
    require(its.device == kernel->device, "a kernel is described as it was prepared");
  }

  std::size_t changes() { return in_.one_in(2) ? 1 + in_.below(4) : 0; }

  void launch() {
    const ditune_kernel handle = pick_kernel();
    const Kernel* kernel = find(handle);
    const ditune_problem its = kernel ? kernel->problem : fuzz::problem(in_);
    const std::int64_t workspace_bytes = kernel ? info_of(handle).workspace_bytes : 0;
    const std::size_t changed = changes();
    const Handed<ditune_args> args(in_, fuzz::arguments(in_, its, changed));
    const ditune_args value = args.known();
    void* stream = fuzz::address<void>(in_.byte());
    const ditune_status status = status_of([&] { return ditune_launch(handle, args.get(), stream); });
    if (!kernel) {
      require(status == DITUNE_INVALID_HANDLE && machine().launches.empty(), "a launch is of a prepared kernel");
      return;
    }
    const bool is_legal = args.is_sane() && fuzz::is_legal(value, its, workspace_bytes);
    require(is_legal || status == DITUNE_INVALID_ARGUMENT, "arguments are checked");
    check_launch(status, its, value, stream);
    if (is_legal && changed == 0 && !machine().faults.fails_launches)
      require(status == DITUNE_OK, std::string("dense rows are taken: ") + ditune_last_error());
  }

  void run_by_problem() {
    const ditune_runtime runtime = pick_runtime();
    const Handed<ditune_problem> asked(in_, fuzz::problem(in_));
    const ditune_problem its = asked.known();
    const std::int32_t ordinal = device();
    if (is_too_slow(find(runtime), its)) return;
    const Handed<ditune_args> args(in_, fuzz::arguments(in_, its, changes()));
    const ditune_args value = args.known();
    void* stream = fuzz::address<void>(in_.byte());
    const ditune_status status =
        status_of([&] { return ditune_run(runtime, ordinal, asked.get(), args.get(), stream); });
    require((status == DITUNE_INVALID_HANDLE) == !find(runtime), "the runtime of a launch is open");
    const bool is_sane = asked.is_sane() && args.is_sane() && fuzz::is_legal(its);
    require(is_sane || status == DITUNE_INVALID_ARGUMENT || status == DITUNE_INVALID_HANDLE, "a launch is checked");
    require(!find(runtime) || !is_sane || has_device(ordinal) || status == missing_device(),
            "a device is one of those that are there");
    require(status != DITUNE_NO_DEVICE || machine().faults.has_no_devices, "there is a device");
    require(status != DITUNE_NOT_PREPARED || machine().faults.is_capturing, "what is not prepared is prepared");
    check_launch(status, its, value, stream);
  }

  // Where it succeeded, what the driver saw is what was asked, and defined; else it saw nothing.
  static void check_launch(ditune_status status, const ditune_problem& its, const ditune_args& args,
                           const void* stream) {
    const std::vector<fuzz::Launch>& launches = machine().launches;
    require(launches.size() == (status == DITUNE_OK ? 1 : 0), "a launch that failed does not reach the driver");
    require(status != DITUNE_CUDA_ERROR || machine().faults != Faults{}, "the driver fails by itself");
    if (status != DITUNE_OK) return;
    const fuzz::Launch& launch = launches.front();
    const LaunchPlan& plan = launch.plan;
    require(fuzz::is_legal(args, its, plan.workspace_bytes), "what is launched is defined");
    require(launch.stream == stream && fuzz::is_asked(launch.args, args, its), "what is launched is what was asked");
    require(launch.has_residual == (its.residual != DITUNE_RESIDUAL_NONE) || launch.epilogue,
            "a kernel takes a residual if it has one");
    require(!launch.epilogue || fuzz::is_equal(fuzz::problem_of({its.m, its.n, its.k, *launch.epilogue}), its),
            "a kernel that takes the epilogue gets it");
    require(plan.grid >= 1 && plan.grid <= kMaxGrid && plan.block >= 1 && plan.block <= 1024, "a launch has a grid");
  }

  // Within one block of memory, so that rows overlap by and by; or of sizes that are refused before anything is read.
  void interleave() {
    std::vector<unsigned char> memory(192);
    std::iota(memory.begin(), memory.end(), static_cast<unsigned char>(0));
    const auto place = [&] { return in_.one_in(16) ? nullptr : memory.data() + in_.below(memory.size()); };
    const auto size = [&] { return in_.one_in(4) ? in_.number() : static_cast<std::int64_t>(in_.below(8)); };
    unsigned char *const gate = place(), *const up = place(), *const both = place();
    const std::int64_t rows = size(), row_bytes = size();
    const bool is_legal = fuzz::is_legal_interleave(gate, up, both, rows, row_bytes);
    const auto ends_inside = [&](const unsigned char* from, std::int64_t count) {
      return row_bytes <= memory.data() + memory.size() - from &&
             count * row_bytes <= memory.data() + memory.size() - from;
    };
    const bool is_short = rows <= 192 && row_bytes <= 192;
    if (is_legal && !(is_short && ends_inside(gate, rows) && ends_inside(up, rows) && ends_inside(both, 2 * rows)))
      return;
    std::vector<unsigned char> expected = memory;
    for (std::int64_t at = 0; is_legal && at < rows * row_bytes; ++at) {
      const std::int64_t to = both - memory.data() + at + at / row_bytes * row_bytes;
      expected[to] = gate[at];
      expected[to + row_bytes] = up[at];
    }
    const ditune_status status = status_of([&] { return ditune_interleave(gate, up, both, rows, row_bytes); });
    require(status == (is_legal ? DITUNE_OK : DITUNE_INVALID_ARGUMENT), "an interleaving is checked");
    require(memory == expected, "gate and up alternate, and nothing else is written");
  }

  Files& files_;
  Input in_;
  Told told_;
  std::vector<Opened> open_;
  std::vector<ditune_runtime> closed_;
  std::vector<Kernel> kernels_;
  int opened_ = 0, modelled_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Files files;
  Program(files, Input(data, size)).run();
  return 0;
}
