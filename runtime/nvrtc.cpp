#include "runtime/nvrtc.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nvrtc.h>

#include <charconv>
#include <string_view>
#include <vector>

#include "embedded.hpp"
#include "runtime/dylib.hpp"

namespace ditune {

struct Nvrtc::Api {
  explicit Api(std::span<const char* const> candidates) : library(candidates) {}

  bool complete() const {
    return version && create && destroy && compile && cubin_size && cubin && log_size && log && error_text;
  }

  Dylib library;
  decltype(&nvrtcVersion) version = library.function<decltype(nvrtcVersion)>("nvrtcVersion");
  decltype(&nvrtcCreateProgram) create = library.function<decltype(nvrtcCreateProgram)>("nvrtcCreateProgram");
  decltype(&nvrtcDestroyProgram) destroy = library.function<decltype(nvrtcDestroyProgram)>("nvrtcDestroyProgram");
  decltype(&nvrtcCompileProgram) compile = library.function<decltype(nvrtcCompileProgram)>("nvrtcCompileProgram");
  decltype(&nvrtcGetCUBINSize) cubin_size = library.function<decltype(nvrtcGetCUBINSize)>("nvrtcGetCUBINSize");
  decltype(&nvrtcGetCUBIN) cubin = library.function<decltype(nvrtcGetCUBIN)>("nvrtcGetCUBIN");
  decltype(&nvrtcGetProgramLogSize) log_size =
      library.function<decltype(nvrtcGetProgramLogSize)>("nvrtcGetProgramLogSize");
  decltype(&nvrtcGetProgramLog) log = library.function<decltype(nvrtcGetProgramLog)>("nvrtcGetProgramLog");
  decltype(&nvrtcGetErrorString) error_text = library.function<decltype(nvrtcGetErrorString)>("nvrtcGetErrorString");

  void check(nvrtcResult status, std::string_view doing, const KernelSource& source) const {
    if (status == NVRTC_SUCCESS) return;
    throw NvrtcError(fmt::format("NVRTC failed to {} {}: {}", doing, source.name, error_text(status)),
                     "`ditune doctor` shows which NVRTC is in use", {}, source.text);
  }
};

namespace {

// The first line that a compiler marks as an error; the whole log travels beside the message.
std::string first_error(std::string_view log) {
  const std::size_t error = log.find("error");
  if (error == std::string_view::npos) return "no reason given";
  const std::size_t begin = log.rfind('\n', error) + 1;  // npos + 1 is 0
  return std::string(log.substr(begin, log.find('\n', error) - begin));
}

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

}  // namespace

Nvrtc::Nvrtc(std::span<const char* const> candidates) {
  auto api = std::make_shared<Api>(candidates);
  if (!api->complete()) {
    throw NvrtcError(fmt::format("NVRTC is not there: tried {}: {}", fmt::join(candidates, ", "),
                                 api->library ? "functions are missing" : api->library.error()),
                     "install the CUDA Toolkit's libnvrtc, 12.8 or newer, where the loader finds it");
  }
  api_ = std::move(api);
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  api_->version(&major, &minor);
  return fmt::format("{}.{}", major, minor);
}

std::string Nvrtc::path() const { return api_->library.path(); }

CompiledKernel Nvrtc::compile(const KernelSource& source, SmArch arch) const {
  // Names and texts are views that end in no zero: NVRTC wants C strings.
  std::vector<std::string> owned;
  for (const EmbeddedFile& file : embedded_templates()) {
    owned.emplace_back(file.name);
    owned.emplace_back(file.text);
  }
  std::vector<const char*> names, texts;
  for (std::size_t i = 0; i < owned.size(); i += 2) {
    names.push_back(owned[i].c_str());
    texts.push_back(owned[i + 1].c_str());
  }

  const Api& api = *api_;
  nvrtcProgram created = nullptr;
  const std::string file = source.name + ".cu";
  api.check(api.create(&created, source.text.c_str(), file.c_str(), static_cast<int>(names.size()), texts.data(),
                       names.data()),
            "read", source);
  const auto destroy = [&api](nvrtcProgram program) { api.destroy(&program); };
  const std::unique_ptr<_nvrtcProgram, decltype(destroy)> program(created, destroy);

  const std::string architecture = "--gpu-architecture=" + format(arch);
  const std::array options = {"--std=c++20", architecture.c_str(), "--ptxas-options=-v"};
  const nvrtcResult status = api.compile(program.get(), static_cast<int>(options.size()), options.data());

  std::size_t size = 0;
  api.check(api.log_size(program.get(), &size), "tell of", source);
  std::string log(size, '\0');
  api.check(api.log(program.get(), log.data()), "tell of", source);
  log.resize(log.find_last_not_of("\n\0", std::string::npos, 2) + 1);
  if (status != NVRTC_SUCCESS) {
    throw NvrtcError(fmt::format("{} does not compile for {}: {}", source.name, format(arch), first_error(log)),
                     status == NVRTC_ERROR_INVALID_OPTION
                         ? "NVRTC " + version() + " is too old for it: install a newer CUDA Toolkit"
                         : "the error carries the whole log and the source",
                     log, source.text);
  }

  CompiledKernel kernel{source.name, {}, parse_ptxas_log(log, source.name)};
  api.check(api.cubin_size(program.get(), &size), "hand over", source);
  kernel.cubin.resize(size);
  api.check(api.cubin(program.get(), kernel.cubin.data()), "hand over", source);
  return kernel;
}

ResourceUsage parse_ptxas_log(const std::string& log, const std::string& name) {
  constexpr std::string_view kEntry = "Compiling entry function '";
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
