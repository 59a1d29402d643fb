// SPDX-License-Identifier: Apache-2.0
// What the functions of the C ABI share: structs of any size, exceptions to codes; and the calls that each kind of
// operation has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "core/cpp_names.hpp"
#include "ditune/ditune.h"
#include "ditune/error.hpp"
#include "ditune/run_on_host.hpp"
#include "ditune/runtime.hpp"
#include "runtime/c_api_handles.hpp"

namespace ditune::c_api {

Runtimes& runtimes();

// Keeps the text for ditune_last_error.
ditune_status failed(ditune_status status, const char* what) noexcept;

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

template <class Struct>
[[noreturn]] void refuse_size(const Struct& its, const char* name) {
  throw UsageError(std::string(name) + "->size is " + std::to_string(its.size) + ", this library knows " +
                       std::to_string(sizeof(Struct)) + " bytes",
                   "set it to sizeof, and use a header of the library's version");
}

// `first_bytes`: of the members that every version has.
template <class Struct>
std::size_t size_of(const Struct* its, const char* name, std::size_t first_bytes = sizeof(Struct)) {
  const std::size_t size = required(its, name).size;
  if (size < first_bytes || size > 64 * sizeof(Struct)) refuse_size(*its, name);
  return size;
}

// What a caller with a struct of another size means: members that it lacks are zero, members that this library does not
// know have to be.
template <class Struct>
Struct read(const Struct* from, const char* name, std::size_t first_bytes = sizeof(Struct)) {
  const std::size_t size = size_of(from, name, first_bytes);
  const auto* bytes = reinterpret_cast<const unsigned char*>(from);
  if (std::any_of(bytes + std::min(size, sizeof(Struct)), bytes + size, [](unsigned char b) { return b != 0; }))
    refuse_size(*from, name);
  Struct known{};
  std::memcpy(&known, from, std::min(size, sizeof(Struct)));
  return known;
}

// As far as the caller has members for it, and this library knows them.
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

inline DeviceName device_name(const ditune_device* from) {
  const ditune_device d = read(from, "device");
  return {d.name ? d.name : "", d.arch, d.sms};
}

// Of each kind: what is asked, what it is launched with, and the problem as its own words.
Gemm asked(const ditune_problem* from);
Quantize asked(const ditune_quantize_problem* from);
FusedGemmArgs arguments(const ditune_args* from, const Gemm& gemm);
QuantizeArgs arguments(const ditune_quantize_args* from, const Quantize& quantize);
ditune_problem words(const Gemm& gemm);
ditune_quantize_problem words(const Quantize& quantize);

template <class Problem>
ditune_status lookup(ditune_runtime runtime, const ditune_device* device, const Problem* problem,
                     ditune_kernel_info* info) {
  return guarded([&] {
    OpenRuntime& its_runtime = runtimes().find(runtime);
    const DeviceName name = device_name(device);
    const Operation operation = asked(problem);
    ditune_kernel_info known{};
    known.size = size_of(info, "info");
    const LookupResult found = its_runtime.runtime().lookup(operation, its_runtime.device(name));
    known.match = static_cast<std::int32_t>(found.match);
    known.device = -1;
    known.workspace_bytes = found.plan.workspace_bytes;
    known.config = found.match == Match::none ? "" : its_runtime.text(found.config).c_str();
    known.note = "";
    write(info, known);
  });
}

template <class Problem>
ditune_status prepare(ditune_runtime runtime, int32_t device, const Problem* problem, ditune_kernel* kernel) {
  if (kernel) std::memset(kernel, 0, sizeof *kernel);  // even if it is misaligned
  return guarded([&] {
    OpenRuntime& its_runtime = runtimes().find(runtime);
    ditune_kernel& handle = required(kernel, "kernel");
    const Prepared& prepared = its_runtime.runtime().prepare(asked(problem), device);
    handle = {runtime, its_runtime.add(prepared)};
  });
}

template <class Op, class Args>
ditune_status launch(ditune_kernel kernel, const Args* args, void* stream) {
  return guarded([&] {
    const OpenRuntime& its_runtime = runtimes().find(kernel.runtime);
    const Prepared& prepared = its_runtime.kernel(kernel.id);
    const Op* const op = std::get_if<Op>(&prepared.operation());
    if (!op)
      throw UsageError("the kernel was prepared for " + std::string(kind_name(prepared.operation())),
                       "launch it with the function of its kind");
    its_runtime.runtime().launch(prepared, arguments(args, *op), static_cast<CUstream_st*>(stream));
  });
}

// `kFused`: the member of the operation that its sizes leave open.
template <auto kFused, class Problem, class Args>
ditune_status run(ditune_runtime runtime, int32_t device, const Problem* problem, const Args* args, void* stream) {
  return guarded([&] {
    const Runtime& its_runtime = runtimes().find(runtime).runtime();
    const auto op = asked(problem);
    its_runtime.launch(arguments(args, op), op.*kFused, device, static_cast<CUstream_st*>(stream));
  });
}

// `kFused`: as of run.
template <auto kFused, class Problem, class Args>
ditune_status run_on_host(const Problem* problem, const Args* args, std::int32_t threads) {
  return guarded([&] {
    const auto op = asked(problem);
    ditune::run_on_host(arguments(args, op), op.*kFused, threads);
  });
}

template <class Problem>
ditune_status format(const Problem* problem, char* text, std::size_t size) {
  return guarded([&] {
    const std::string its_text = ditune::format(Operation(asked(problem)));
    char& first = required(text, "text");
    if (size <= its_text.size())
      throw UsageError("text has " + std::to_string(size) + " bytes, the problem's text has " +
                           std::to_string(its_text.size()) + " and a zero",
                       "give it more");
    std::memcpy(&first, its_text.c_str(), its_text.size() + 1);
  });
}

}  // namespace ditune::c_api
