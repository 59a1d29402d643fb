// SPDX-License-Identifier: Apache-2.0
// The C ABI: structs of any size, exceptions to codes. Its handles are in c_api_handles.hpp.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "core/cpp_names.hpp"
#include "db/plain_text.hpp"
#include "ditune/ditune.h"
#include "ditune/error.hpp"
#include "ditune/runtime.hpp"
#include "runtime/c_api_handles.hpp"

namespace {

using namespace ditune;

Runtimes& runtimes() {
  static Runtimes all;
  return all;
}

std::string& last_error() {
  thread_local std::string text;
  return text;
}

ditune_status failed(ditune_status status, const char* what) noexcept {
  try {
    // One line of UTF-8, also where a callback threw it, or a path or a driver's text is none.
    last_error() = *what == '\0' ? "an error that does not say what it is" : to_plain(what);
  } catch (...) {
    return DITUNE_OUT_OF_MEMORY;
  }
  return status;
}

// No exception crosses the border.
template <class Call>
ditune_status guarded(Call&& call) noexcept {
  try {
    call();
    return DITUNE_OK;
  } catch (const HandleError& error) {
    return failed(DITUNE_INVALID_HANDLE, error.what());
  } catch (const NotPreparedError& error) {
    return failed(DITUNE_NOT_PREPARED, error.what());
  } catch (const NoDeviceError& error) {
    return failed(DITUNE_NO_DEVICE, error.what());
  } catch (const NoKernelError& error) {
    return failed(DITUNE_NO_KERNEL, error.what());
  } catch (const UsageError& error) {
    return failed(DITUNE_INVALID_ARGUMENT, error.what());
  } catch (const DbError& error) {
    return failed(DITUNE_DATABASE_ERROR, error.what());
  } catch (const CudaError& error) {
    return failed(DITUNE_CUDA_ERROR, error.what());
  } catch (const std::bad_alloc&) {
    return failed(DITUNE_OUT_OF_MEMORY, "out of host memory (free some)");
  } catch (const std::exception& error) {
    return failed(DITUNE_INTERNAL, error.what());
  } catch (...) {
    return failed(DITUNE_INTERNAL, "an unknown error");
  }
}

template <class T>
T& required(T* pointer, const char* name) {
  if (!pointer) throw UsageError(std::string(name) + " is null", "pass its address");
  if (reinterpret_cast<std::uintptr_t>(pointer) % alignof(T) != 0)
    throw UsageError(std::string(name) + " is misaligned", "align it to " + std::to_string(alignof(T)) + " bytes");
  return *pointer;
}

// What a caller with a struct of another size means: members that it lacks are zero, members that this library does not
// know have to be. `first_bytes`: of the members that every version has.
template <class Struct>
Struct read(const Struct* from, const char* name, std::size_t first_bytes = sizeof(Struct)) {
  const std::size_t size = required(from, name).size;
  const auto* bytes = reinterpret_cast<const unsigned char*>(from);
  const bool is_sane = size >= first_bytes && size <= 64 * sizeof(Struct);
  if (!is_sane ||
      std::any_of(bytes + std::min(size, sizeof(Struct)), bytes + size, [](unsigned char b) { return b != 0; }))
    throw UsageError(std::string(name) + "->size is " + std::to_string(size) + ", this library knows " +
                         std::to_string(sizeof(Struct)) + " bytes",
                     "set it to sizeof, and use a header of the library's version");
  Struct known{};
  std::memcpy(&known, from, std::min(size, sizeof(Struct)));
  return known;
}

// As far as the caller has members for it.
template <class Struct>
void write(Struct* to, const Struct& known) {
  std::memcpy(to, &known, std::min(known.size, sizeof known));
}

template <class Enum>
Enum word(std::int32_t number, const char* name) {
  if (number < 0 || static_cast<std::size_t>(number) >= kEnumerators<Enum>.size())
    throw UsageError(std::string(name) + " is " + std::to_string(number), "use one of the header's words");
  return static_cast<Enum>(number);
}

Gemm asked(const ditune_problem* from) {
  const ditune_problem p = read(from, "problem", offsetof(ditune_problem, from));
  if (p.from < 0 || p.from > kMaxExtent)
    throw UsageError("from is " + std::to_string(p.from), "give the first column of the op");
  const Gemm gemm{.m = p.m,
                  .n = p.n,
                  .k = p.k,
                  .epilogue = {.sx = word<ScaleX>(p.sx, "sx"),
                               .sw = word<ScaleW>(p.sw, "sw"),
                               .bias = word<Bias>(p.bias, "bias"),
                               .op = word<EpilogueOp>(p.op, "op"),
                               .from = static_cast<int>(p.from),
                               .residual = word<Residual>(p.residual, "residual"),
                               .gate = word<Gate>(p.gate, "gate"),
                               .out = word<Output>(p.out, "out")}};
  validate(gemm);
  return gemm;
}

DeviceName device_name(const ditune_device* from) {
  const ditune_device d = read(from, "device");
  return {d.name ? d.name : "", d.arch, d.sms};
}

FusedGemmArgs arguments(const ditune_args* from, const Gemm& gemm) {
  const ditune_args a = read(from, "args", offsetof(ditune_args, r));
  FusedGemmArgs args{};
  args.x = static_cast<const signed char*>(a.x), args.w = static_cast<const signed char*>(a.w), args.y = a.y;
  args.sx = static_cast<const float*>(a.sx), args.sw = static_cast<const float*>(a.sw);
  args.bias = a.bias, args.workspace = a.workspace;
  args.m = gemm.m, args.n = gemm.n, args.k = gemm.k;
  args.ldx = a.ldx, args.ldw = a.ldw, args.ldy = a.ldy;
  args.r = a.r, args.g = a.g, args.gate_index = a.gate_index;
  args.ldr = a.ldr, args.ldg = a.ldg;
  args.gates = a.gates, args.rows_per_gate = a.rows_per_gate;
  return args;
}

// The problem as its own words, and the command that tunes it.
void tell_miss(const Miss& miss, ditune_miss_callback callback, void* user) {
  const Gemm& gemm = std::get<Gemm>(miss.operation);
  ditune_problem problem{};
  problem.size = sizeof problem;
  problem.m = gemm.m;
  problem.n = gemm.n;
  problem.k = gemm.k;
  problem.sx = static_cast<std::int32_t>(gemm.epilogue.sx);
  problem.sw = static_cast<std::int32_t>(gemm.epilogue.sw);
  problem.bias = static_cast<std::int32_t>(gemm.epilogue.bias);
  problem.op = static_cast<std::int32_t>(gemm.epilogue.op);
  problem.out = static_cast<std::int32_t>(gemm.epilogue.out);
  problem.from = gemm.epilogue.from;
  problem.residual = static_cast<std::int32_t>(gemm.epilogue.residual);
  problem.gate = static_cast<std::int32_t>(gemm.epilogue.gate);
  const std::string command = "ditune tune --shape " + format_shape(gemm) + " --epilogue " + format(gemm.epilogue);
  callback(&problem, static_cast<std::int32_t>(miss.match), command.c_str(), user);
}

RuntimeOptions options_of(const ditune_open_options* from) {
  RuntimeOptions options;
  if (!from) return options;
  const ditune_open_options o = read(from, "options");
  if (o.database_count > 0) static_cast<void>(required(o.databases, "databases"));
  for (std::size_t i = 0; i < o.database_count; ++i)
    options.databases.emplace_back(&required(o.databases[i], "a database's name"));
  options.regime = word<Regime>(o.regime, "regime");
  if (o.on_miss)
    options.on_miss = [callback = o.on_miss, user = o.user](const Miss& miss) { tell_miss(miss, callback, user); };
  return options;
}

}  // namespace

const char* ditune_version(void) { return DITUNE_VERSION; }

const char* ditune_last_error(void) { return last_error().c_str(); }

ditune_status ditune_open(const ditune_open_options* options, ditune_runtime* runtime) {
  return guarded([&] {
    ditune_runtime& handle = required(runtime, "runtime");
    handle = 0;
    handle = runtimes().open(std::make_unique<OpenRuntime>(options_of(options)));
  });
}

ditune_status ditune_close(ditune_runtime runtime) {
  return guarded([&] { runtimes().close(runtime); });
}

ditune_status ditune_skipped_rows(ditune_runtime runtime, int64_t* rows) {
  return guarded([&] { required(rows, "rows") = runtimes().find(runtime).skipped_rows(); });
}

ditune_status ditune_lookup(ditune_runtime runtime, const ditune_device* device, const ditune_problem* problem,
                            ditune_kernel_info* info) {
  return guarded([&] {
    OpenRuntime& its_runtime = runtimes().find(runtime);
    const DeviceName name = device_name(device);
    const Gemm gemm = asked(problem);
    ditune_kernel_info known{};
    known.size = read(info, "info").size;
    const LookupResult found = its_runtime.runtime().lookup(gemm, its_runtime.device(name));
    known.match = static_cast<std::int32_t>(found.match);
    known.device = -1;
    known.workspace_bytes = found.plan.workspace_bytes;
    known.config = found.match == Match::none ? "" : its_runtime.text(found.config).c_str();
    known.note = "";
    write(info, known);
  });
}

ditune_status ditune_prepare(ditune_runtime runtime, int32_t device, const ditune_problem* problem,
                             ditune_kernel* kernel) {
  if (kernel) std::memset(kernel, 0, sizeof *kernel);  // even if it is misaligned
  return guarded([&] {
    OpenRuntime& its_runtime = runtimes().find(runtime);
    ditune_kernel& handle = required(kernel, "kernel");
    const Gemm gemm = asked(problem);
    const Prepared& prepared = its_runtime.runtime().prepare(gemm, device);
    handle = {runtime, its_runtime.add(prepared)};
  });
}

ditune_status ditune_query(ditune_kernel kernel, ditune_kernel_info* info) {
  return guarded([&] {
    const Prepared& prepared = runtimes().find(kernel.runtime).kernel(kernel.id);
    ditune_kernel_info known{};
    known.size = read(info, "info").size;
    known.match = static_cast<std::int32_t>(prepared.match());
    known.device = prepared.device();
    known.workspace_bytes = prepared.workspace_bytes();
    known.config = prepared.config_text().c_str();
    known.note = prepared.note().c_str();
    write(info, known);
  });
}

ditune_status ditune_launch(ditune_kernel kernel, const ditune_args* args, void* stream) {
  return guarded([&] {
    const OpenRuntime& its_runtime = runtimes().find(kernel.runtime);
    const Prepared& prepared = its_runtime.kernel(kernel.id);
    its_runtime.runtime().launch(prepared, arguments(args, std::get<Gemm>(prepared.operation())),
                                 static_cast<CUstream_st*>(stream));
  });
}

ditune_status ditune_run(ditune_runtime runtime, int32_t device, const ditune_problem* problem, const ditune_args* args,
                         void* stream) {
  return guarded([&] {
    const Runtime& its_runtime = runtimes().find(runtime).runtime();
    const Gemm gemm = asked(problem);
    its_runtime.launch(arguments(args, gemm), gemm.epilogue, device, static_cast<CUstream_st*>(stream));
  });
}

ditune_status ditune_interleave(const void* gate, const void* up, void* both, int64_t rows, int64_t row_bytes) {
  return guarded([&] {
    const auto* const from_gate = static_cast<const std::byte*>(gate);
    const auto* const from_up = static_cast<const std::byte*>(up);
    auto* const to = static_cast<std::byte*>(both);
    if (!gate || !up || !both) throw UsageError("gate, up or both is null", "pass its address");
    if (rows < 1 || row_bytes < 1 || rows > PTRDIFF_MAX / row_bytes / 2)
      throw UsageError("rows and row_bytes are " + std::to_string(rows) + " and " + std::to_string(row_bytes),
                       "give the size of gate and of up");
    interleave({from_gate, static_cast<std::size_t>(rows * row_bytes)},
               {from_up, static_cast<std::size_t>(rows * row_bytes)},
               {to, static_cast<std::size_t>(2 * rows * row_bytes)}, static_cast<std::size_t>(row_bytes));
  });
}
