// SPDX-License-Identifier: Apache-2.0
// The C ABI: what it has whatever the kind of operation. Its handles are in c_api_handles.hpp.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "core/plain_text.hpp"
#include "core/shell.hpp"
#include "runtime/c_api_calls.hpp"

using namespace ditune;
using namespace ditune::c_api;

namespace {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

// The file that a command tunes into, from whatever folder it is run in.
std::string absolute(const char* file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(file, error);
  return error ? file : path.string();
}

// Keeps what the options of a runtime point to.
class MissTeller {
 public:
  // Of options that were checked.
  explicit MissTeller(const ditune_open_options& options)
      : gemm_(options.on_miss),
        quantize_(options.on_quantize_miss),
        user_(options.user),
        regime_(static_cast<Regime>(options.regime)) {
    if (options.tune_database && *options.tune_database != '\0')
      database_ = absolute(options.tune_database);
    else if (options.database_count > 0)
      database_ = absolute(options.databases[0]);
  }

  void operator()(const Miss& miss) const {
    std::visit(
        [&](const auto& op) {
          const auto callback = callback_of(op);
          const auto problem = words(op);
          if (callback) callback(&problem, static_cast<std::int32_t>(miss.match), command(miss).c_str(), user_);
        },
        miss.operation);
  }

 private:
  ditune_miss_callback callback_of(const Gemm&) const { return gemm_; }
  ditune_quantize_miss_callback callback_of(const Quantize&) const { return quantize_; }

  // One line of UTF-8, also where a name or a path is none.
  std::string command(const Miss& miss) const {
    return to_plain("ditune tune --operation " + ditune::format(miss.operation) +
                    where_words(miss.device.name, database_, regime_));
  }

  ditune_miss_callback gemm_;
  ditune_quantize_miss_callback quantize_;
  void* user_;
  Regime regime_;
  std::string database_;
};

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
  if (o.on_miss || o.on_quantize_miss) options.on_miss = MissTeller(o);
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
    known.size = size_of(info, "info");
    known.match = static_cast<std::int32_t>(prepared.match());
    known.device = prepared.device();
    known.workspace_bytes = prepared.workspace_bytes();
    known.config = prepared.config_text().c_str();
    known.note = prepared.note().c_str();
    write(info, known);
  });
}
