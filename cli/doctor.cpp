// SPDX-License-Identifier: Apache-2.0
// ditune doctor: what is there, what is missing, and what to do about it.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/environment.hpp"
#include "cli/files.hpp"
#include "cli/host.hpp"
#include "cli/output.hpp"
#include "core/text.hpp"
#include "db/database_file.hpp"
#include "ditune/error.hpp"
#include "runtime/cuda.hpp"
#include "runtime/dylib.hpp"
#include "runtime/gemm_s8/cublaslt.hpp"
#include "runtime/nvml.hpp"
#include "runtime/nvrtc.hpp"

namespace ditune::cli {
namespace {

struct DoctorFlags {
  std::string db;
};

enum class Needed { yes, no };  // for tuning or at least predicting

struct Finding {
  std::string what, state;
  std::string remedy;  // empty: all is well
  Needed needed = Needed::no;
};

Finding driver() {
  const std::string version = cuda_driver_version();
  if (version.empty())
    return {"driver", "none", "install NVIDIA's driver to measure; without it ditune predicts for --gpu or --arch"};
  if (const auto& problem = installed_cuda().problem())
    return {"driver", problem->what(), "without a GPU ditune predicts for --gpu or --arch"};
  return {"driver", "supports CUDA " + version, ""};
}

std::vector<Finding> devices() {
  std::vector<Finding> findings;
  for (int ordinal = 0; ordinal < device_count(); ++ordinal) {
    const std::string what = fmt::format("GPU {}", ordinal);
    try {
      const DeviceInfo device = device_info(ordinal);
      findings.push_back({what, fmt::format("{}, {}, {} SMs", device.name, format(device.arch), device.sms), ""});
    } catch (const Error& error) {
      findings.push_back({what, error.what(), "choose another with --device"});
    }
  }
  if (findings.empty()) findings.push_back({"GPU", "none", "predict for one that is not here: --gpu \"RTX 3090\""});
  return findings;
}

// Of a library that does not open, or lacks functions.
std::string why_not(const Dylib& library) {
  if (library) return library.path() + " lacks functions";
  return library.is_there() ? library.error() : "none";
}

Finding nvrtc() {
  const std::filesystem::path file = nvrtc_file();
  const std::string from = file.empty() ? "" : ", from DITUNE_NVRTC";
  try {
    const Nvrtc library(file);
    return {"NVRTC", fmt::format("{} ({}{})", library.version(), library.path(), from), "", Needed::yes};
  } catch (const NvrtcError& error) {
    if (!file.empty()) return {"NVRTC", error.what(), "set DITUNE_NVRTC to a libnvrtc.so, or unset it", Needed::yes};
    return {"NVRTC", why_not(Dylib(kNvrtcCandidates)),
            "install the CUDA Toolkit's libnvrtc, 12.8 or newer: nothing compiles without it", Needed::yes};
  }
}

Finding cpp_compiler() {
  try {
    return {"C++ compiler", host_compiler().version(), ""};
  } catch (const UsageError& error) {
    return {"C++ compiler", error.what(), "verify --on cpu needs it"};
  }
}

Finding cublaslt() {
  const Dylib library(kCublasLtCandidates);
  if (library) return {"cuBLASLt", library.path(), ""};
  return {"cuBLASLt", why_not(library), "install the CUDA Toolkit's libcublas for bench --against cublaslt"};
}

Finding nvml() {
  const std::string version = Nvml(device_count() > 0 ? device_uuid(0) : "").driver_version();
  if (!version.empty()) return {"NVML", "driver " + version, ""};
  return {"NVML", "none", "it comes with the driver; without it clocks and power stay unknown"};
}

// The file, or the first of the folders on the way to it that are not there yet.
std::filesystem::path first_to_make(std::filesystem::path path) {
  std::error_code ignored;
  while (path.has_relative_path() && path.has_parent_path() && !std::filesystem::exists(path.parent_path(), ignored))
    path = path.parent_path();
  return path;
}

// SQLite writes the file and, beside it, its journal.
void require_writable_database(const std::filesystem::path& path) {
  const bool is_there = inspect_file(path) != FileState::missing;
  require_writable(first_to_make(path));
  if (is_there && !std::ofstream(path, std::ios::app))
    throw UsageError(fmt::format("cannot write {}", path.string()), "");
}

Finding database(const std::string& db) {
  try {
    const std::filesystem::path path = database_path(db);
    require_writable_database(path);
    if (inspect_file(path) != FileState::ours) return {"database", path.string() + ", not there yet", "", Needed::yes};
    const Store store = Store::open_read_only(path);
    const std::string winners = text::counted(std::ssize(store.winners()), "winner");
    const int skipped = store.skipped_rows();
    return {"database",
            fmt::format("{}, {}{}", path.string(), winners,
                        skipped > 0 ? fmt::format(", {} skipped: see {}", skipped, show_skipped(db)) : ""),
            "", Needed::yes};
  } catch (const Error& error) {
    return {"database", error.what(), "name another with --db", Needed::yes};
  }
}

ExitCode doctor(const DoctorFlags& options) {
  std::vector<Finding> findings = {driver()};
  const std::vector<Finding> gpus = devices();
  findings.insert(findings.end(), gpus.begin(), gpus.end());
  const bool has_gpu = std::ranges::any_of(gpus, [](const Finding& gpu) { return gpu.remedy.empty(); });
  for (const Finding& finding : {nvrtc(), cpp_compiler(), cublaslt(), nvml(), database(options.db)})
    findings.push_back(finding);
  Table table({{"WHAT"}, {"FOUND"}, {"WHAT TO DO"}});
  bool usable = true;
  for (const Finding& finding : findings) {
    table.add({finding.what, finding.state, finding.remedy});
    if (finding.needed == Needed::yes && !finding.remedy.empty()) usable = false;
  }
  print(table);
  print_line(!usable   ? "ditune cannot tune here."
             : has_gpu ? "ditune can tune here."
                       : "ditune can predict here, and tune where there is a GPU.");
  return usable ? kDone : kBadAnswer;
}

}  // namespace

void add_doctor(CLI::App& app, Run& run) {
  const Command<DoctorFlags> command(app, run, "doctor", "what is there, what is missing, and what to do about it",
                                     doctor);
  add_database(*command.app, command.options->db);
}

}  // namespace ditune::cli
