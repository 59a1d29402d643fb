// SPDX-License-Identifier: Apache-2.0
#include "runtime/nvrtc.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nvrtc.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "runtime/compiler_log.hpp"
#include "runtime/dylib.hpp"
#include "templates/embedded.hpp"

namespace ditune {

struct Nvrtc::Api {
  explicit Api(std::span<const char* const> candidates) : library(candidates) {}

  bool complete() const {
    return version && create && destroy && compile && cubin_size && cubin && ptx_size && ptx && log_size && log &&
           error_text;
  }

  Dylib library;
  decltype(&nvrtcVersion) version = library.function<decltype(nvrtcVersion)>("nvrtcVersion");
  decltype(&nvrtcCreateProgram) create = library.function<decltype(nvrtcCreateProgram)>("nvrtcCreateProgram");
  decltype(&nvrtcDestroyProgram) destroy = library.function<decltype(nvrtcDestroyProgram)>("nvrtcDestroyProgram");
  decltype(&nvrtcCompileProgram) compile = library.function<decltype(nvrtcCompileProgram)>("nvrtcCompileProgram");
  decltype(&nvrtcGetCUBINSize) cubin_size = library.function<decltype(nvrtcGetCUBINSize)>("nvrtcGetCUBINSize");
  decltype(&nvrtcGetCUBIN) cubin = library.function<decltype(nvrtcGetCUBIN)>("nvrtcGetCUBIN");
  decltype(&nvrtcGetPTXSize) ptx_size = library.function<decltype(nvrtcGetPTXSize)>("nvrtcGetPTXSize");
  decltype(&nvrtcGetPTX) ptx = library.function<decltype(nvrtcGetPTX)>("nvrtcGetPTX");
  decltype(&nvrtcGetProgramLogSize) log_size =
      library.function<decltype(nvrtcGetProgramLogSize)>("nvrtcGetProgramLogSize");
  decltype(&nvrtcGetProgramLog) log = library.function<decltype(nvrtcGetProgramLog)>("nvrtcGetProgramLog");
  // From 11.2 on.
  decltype(&nvrtcGetNumSupportedArchs) arch_count =
      library.function<decltype(nvrtcGetNumSupportedArchs)>("nvrtcGetNumSupportedArchs");
  decltype(&nvrtcGetSupportedArchs) archs =
      library.function<decltype(nvrtcGetSupportedArchs)>("nvrtcGetSupportedArchs");
  decltype(&nvrtcGetErrorString) error_text = library.function<decltype(nvrtcGetErrorString)>("nvrtcGetErrorString");
};

namespace {

constexpr char kRemedy[] = "free some memory, or install the CUDA Toolkit anew with all of NVRTC's files";
constexpr std::string_view kEntry = "Compiling entry function '";  // then the kernel's name, in ptxas's log

// The number right after `before`, or right before `after`; 0 if it is not there.
int number_after(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  int value = 0;
  if (at != std::string_view::npos) {
    const char* begin = text.data() + at + before.size();
    std::from_chars(begin, text.data() + text.size(), value);
  }
  return value;
}

int number_before(std::string_view text, std::string_view after) {
  const std::size_t at = text.find(after);
  if (at == std::string_view::npos) return 0;
  const std::size_t begin = text.find_last_not_of("0123456789", at - 1) + 1;
  return number_after(text.substr(begin, at - begin), "");
}

// What NVRTC calls it: Hopper's wgmma, TMA and setmaxnreg are there for sm_90a alone (PTX ISA, ".target"), which is
// what every GPU of compute capability 9.0 runs.
std::string target_name(SmArch arch) { return format(arch) + (arch == SmArch{90} ? "a" : ""); }

}  // namespace

// One source and the embedded templates that it includes, in NVRTC's hands.
class Nvrtc::Program {
 public:
  Program(const Api& api, const KernelSource& source) : api_(api), source_(source) {
    // The embedded names and texts are views that end in no zero: NVRTC wants C strings.
    std::vector<std::string> names, texts;
    std::vector<const char*> c_names, c_texts;
    for (const EmbeddedFile& file : embedded_templates()) {
      names.emplace_back(file.name);
      texts.emplace_back(file.text);
    }
    for (const std::string& name : names) c_names.push_back(name.c_str());
    for (const std::string& text : texts) c_texts.push_back(text.c_str());
    check(api_.create(&program_, source.text.c_str(), (source.name + ".cu").c_str(), static_cast<int>(names.size()),
                      c_texts.data(), c_names.data()),
          "nvrtcCreateProgram");
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { api_.destroy(&program_); }

  nvrtcResult compile(std::span<const char* const> options) const {
    return api_.compile(program_, static_cast<int>(options.size()), options.data());
  }

  std::string log() const {
    std::size_t size = 0;  // with the zero at the end
    check(api_.log_size(program_, &size), "nvrtcGetProgramLogSize");
    std::string text(size, '\0');
    check(api_.log(program_, text.data()), "nvrtcGetProgramLog");
    return text.c_str();
  }

  std::string cubin() const {
    std::size_t size = 0;
    check(api_.cubin_size(program_, &size), "nvrtcGetCUBINSize");
    std::string bytes(size, '\0');
    check(api_.cubin(program_, bytes.data()), "nvrtcGetCUBIN");
    return bytes;
  }

  std::string ptx() const {
    std::size_t size = 0;  // with the zero at the end
    check(api_.ptx_size(program_, &size), "nvrtcGetPTXSize");
    std::string text(size, '\0');
    check(api_.ptx(program_, text.data()), "nvrtcGetPTX");
    return text.c_str();
  }

 private:
  void check(nvrtcResult status, std::string_view call) const {
    if (status == NVRTC_SUCCESS) return;
    if (status == NVRTC_ERROR_OUT_OF_MEMORY)
      throw CompilerFailure(fmt::format("{}: {}", call, api_.error_text(status)), kRemedy);
    throw NvrtcError(fmt::format("{} of {}: {}", call, source_.name, api_.error_text(status)),
                     "`ditune doctor` shows which NVRTC is in use", {}, source_.text);
  }

  const Api& api_;
  const KernelSource& source_;
  nvrtcProgram program_ = nullptr;
};

Nvrtc::Nvrtc(std::span<const char* const> candidates) {
  auto api = std::make_shared<Api>(candidates);
  if (!api->library && api->library.is_there())
    throw NvrtcError("NVRTC cannot be loaded: " + api->library.error(),
                     "install the CUDA Toolkit's libnvrtc, 12.8 or newer, anew");
  if (!api->complete()) {
    throw NvrtcError(fmt::format("NVRTC is not there: tried {}: {}", fmt::join(candidates, ", "),
                                 api->library ? "functions are missing" : api->library.error()),
                     "install the CUDA Toolkit's libnvrtc, 12.8 or newer, where the loader finds it, or name its file");
  }
  api_ = std::move(api);
}

namespace {

std::span<const char* const> candidates_of(const char* const& file) {
  return *file ? std::span<const char* const>(&file, 1) : kNvrtcCandidates;
}

}  // namespace

Nvrtc::Nvrtc(const std::filesystem::path& file) : Nvrtc(candidates_of(file.c_str())) {}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  api_->version(&major, &minor);
  return fmt::format("{}.{}", major, minor);
}

bool Nvrtc::version_at_least(int major, int minor) const {
  std::pair<int, int> version;
  api_->version(&version.first, &version.second);
  return version >= std::pair(major, minor);
}

std::string Nvrtc::path() const { return api_->library.file(); }

// One that cannot tell is asked to compile.
bool Nvrtc::knows(SmArch arch) const {
  int count = 0;
  if (!api_->arch_count || !api_->archs || api_->arch_count(&count) != NVRTC_SUCCESS || count <= 0) return true;
  std::vector<int> archs(static_cast<std::size_t>(count));
  return api_->archs(archs.data()) != NVRTC_SUCCESS || std::ranges::find(archs, arch.number) != archs.end();
}

// Compiles it, and gives the log.
std::string Nvrtc::run(const Program& program, const KernelSource& source, const std::string& target) const {
  const std::string architecture = "--gpu-architecture=" + target;
  std::vector<const char*> options = {"--std=c++20", architecture.c_str(), "--ptxas-options=-v"};
  // Where there is a driver NVRTC answers from a cache on disk (manual, "Caching (CUDA 12.9+)"), without ptxas's
  // report.
  if (version_at_least(12, 9)) options.push_back("--no-cache");
  const nvrtcResult status = program.compile(options);
  std::string log = program.log();
  if (status == NVRTC_SUCCESS) return log;
  if (status == NVRTC_ERROR_OUT_OF_MEMORY || status == NVRTC_ERROR_BUILTIN_OPERATION_FAILURE ||
      tells_machine_failure(log)) {
    const std::string why = log.empty() ? api_->error_text(status) : first_error(log);
    throw CompilerFailure(fmt::format("NVRTC {} ({}) fails: {}", version(), path(), why), kRemedy);
  }
  throw NvrtcError(fmt::format("{} does not compile for {}: {}", source.name, target, first_error(log)),
                   status == NVRTC_ERROR_INVALID_OPTION
                       ? fmt::format("NVRTC {} ({}) is too old for it: install a newer CUDA Toolkit", version(), path())
                       : "the error carries the whole log and the source",
                   log, source.text);
}

CompiledKernel Nvrtc::compile(const KernelSource& source, SmArch arch) const {
  if (!knows(arch))
    throw NvrtcError(fmt::format("NVRTC {} ({}) does not know {}", version(), path(), format(arch)),
                     "install a newer CUDA Toolkit, or name a newer libnvrtc: with DITUNE_NVRTC, or `nvrtc` of the "
                     "library's options",
                     {}, source.text);
  const Program program(*api_, source);
  const std::string log = run(program, source, target_name(arch));
  return {source.name, program.cubin(), parse_ptxas_log(log, source.name)};
}

std::string Nvrtc::ptx(const KernelSource& source, SmArch arch) const {
  const Program program(*api_, source);
  run(program, source, fmt::format("compute_{}", arch.number));
  return program.ptx();
}

ResourceUsage parse_ptxas_log(const std::string& log, const std::string& name) {
  std::string_view text = log;
  const std::size_t begin = text.find(fmt::format("{}{}'", kEntry, name));
  if (begin == std::string_view::npos) {
    throw NvrtcError("ptxas says nothing of " + name, "the kernel must be extern \"C\" and of that name", log);
  }
  text.remove_prefix(begin + kEntry.size());
  text = text.substr(0, text.find(kEntry));  // up to the next kernel
  ResourceUsage usage;
  usage.registers = number_after(text, "Used ");
  usage.spill_bytes = number_before(text, " bytes spill stores") + number_before(text, " bytes spill loads");
  usage.shared_bytes = number_before(text, " bytes smem");
  return usage;
}

}  // namespace ditune
