// SPDX-License-Identifier: Apache-2.0
// The C ABI: what it has whatever the kind of operation. Its handles are in c_api_handles.hpp.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/plain_text.hpp"
#include "runtime/c_api_calls.hpp"

using namespace ditune;
using namespace ditune::c_api;

namespace {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

// The command that tunes it.
std::string command_for(const Gemm& gemm) {
  return "ditune tune --shape " + format_shape(gemm) + " --epilogue " + format(gemm.epilogue);
}
std::string command_for(const Quantize& quantize) { return "ditune tune --operation " + format(Operation(quantize)); }

auto* callback_of(const ditune_open_options& options, const Gemm&) { return options.on_miss; }
auto* callback_of(const ditune_open_options& options, const Quantize&) { return options.on_quantize_miss; }

void tell_miss(const Miss& miss, const ditune_open_options& options) {
  std::visit(
      [&](const auto& op) {
        const auto callback = callback_of(options, op);
        const auto problem = words(op);
        if (callback) callback(&problem, static_cast<std::int32_t>(miss.match), command_for(op).c_str(), options.user);
      },
      miss.operation);
}

RuntimeOptions options_of(const ditune_open_options* from) {
  RuntimeOptions options;
  if (!from) return options;
  const ditune_open_options o = read(from, "options", offsetof(ditune_open_options, on_quantize_miss));
  if (o.database_count > 0) static_cast<void>(required(o.databases, "databases"));
  for (std::size_t i = 0; i < o.database_count; ++i)
    options.databases.emplace_back(&required(o.databases[i], "a database's name"));
  if (o.nvrtc) options.nvrtc = o.nvrtc;
  options.regime = word<Regime>(o.regime, "regime");
  options.compile = word<CompilePolicy>(o.compile, "compile");
  if (o.on_miss || o.on_quantize_miss) options.on_miss = [o](const Miss& miss) { tell_miss(miss, o); };
  return options;
}

}  // namespace

Runtimes& c_api::runtimes() {
  static Runtimes all;
  return all;
}

ditune_status c_api::failed(ditune_status status, const char* what) noexcept {
  try {
    // One line of UTF-8, also where a callback threw it, or a path or a driver's text is none.
    last_error() = *what == '\0' ? "an error that does not say what it is" : to_plain(what);
  } catch (...) {
    return DITUNE_OUT_OF_MEMORY;
  }
  return status;
}

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
