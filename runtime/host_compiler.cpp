// SPDX-License-Identifier: Apache-2.0
#include "runtime/host_compiler.hpp"

#include <fmt/format.h>

#include <array>
#include <future>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/sha256.hpp"
#include "emulation/embedded_emulation.hpp"
#include "runtime/child_process.hpp"
#include "runtime/compiler_log.hpp"
#include "runtime/dylib.hpp"
#include "runtime/object_cache.hpp"

namespace fs = std::filesystem;

namespace ditune {
namespace {

// Contraction would round once where the numerics contract rounds twice. An object needs nothing but the C library.
constexpr std::array kFlags = {
    "-std=c++20",     "-O1", "-w", "-fPIC", "-fno-semantic-interposition", "-ffp-contract=off", "-shared",
    "-Wl,--as-needed"};
constexpr std::string_view kCompilers = "set CXX to g++ 12, clang++ 16 or newer";

// All that the compiler reads, by path in its folder.
using Inputs = std::map<std::string, std::string>;
constexpr std::string_view kSource = "kernel.cpp", kExports = "exports.map", kObject = "kernel.so";

Inputs inputs(const KernelSource& source, std::span<const EmbeddedFile> templates) {
  Inputs files;
  files[std::string(kSource)] =
      fmt::format("{}\n#define DITUNE_KERNEL {}\n#include \"emulation/object.hpp\"\n", source.text, source.name);
  // Whatever else two objects have in common by name, each keeps its own.
  files[std::string(kExports)] = "{ global: ditune_thread; ditune_machine; ditune_ctas_per_sm; local: *; };\n";
  for (const EmbeddedFile& file : templates) files[std::string(file.name)] = file.text;
  for (const EmbeddedFile& file : embedded_emulation()) files["emulation/" + std::string(file.name)] = file.text;
  return files;
}

std::string replace_all(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace

struct HostKernel::Object {
  Object(const fs::path& file, const KernelSource& source) : library(file) {
    if (!thread || !machine || !ctas_per_sm) {
      throw HostCompilerError(fmt::format("{} cannot be loaded: {}", source.name, library.error()),
                              "programs must be allowed to run from the cache's folder", library.error(), source.text);
    }
  }

  Dylib library;
  void (*thread)(const void* parameter) = library.function<void(const void*)>("ditune_thread");
  int (*ctas_per_sm)() = library.function<int()>("ditune_ctas_per_sm");
  emulation::Machine** (*machine)() = library.function<emulation::Machine**()>("ditune_machine");
};

emulation::Report HostKernel::run_raw(emulation::Launch launch, std::span<const emulation::Region> memory,
                                      const void* parameter) const {
  launch.kernel = name_;
  launch.ctas_per_sm = object_->ctas_per_sm();
  return emulation::emulate(
      launch, memory, [&] { object_->thread(parameter); }, *object_->machine());
}

struct HostCompiler::State {
  using Object = std::shared_ptr<const HostKernel::Object>;

  State(const std::string& command, ObjectCache cache);
  // The compiler with these arguments behind its own. Throws UsageError if it does not start.
  ChildResult run(const std::vector<std::string>& arguments) const;
  std::string key(const Inputs& files) const;
  // The object's file, compiled and stored.
  fs::path make(const KernelSource& source, const Inputs& files, const std::string& key) const;

  std::vector<std::string> words;  // of the command
  ObjectCache cache;
  std::string version;     // all that --version prints
  std::string first_line;  // of it
  std::string macros;      // that are predefined: they tell the machine, too
  std::mutex mutex;
  std::map<std::string, std::shared_future<Object>> pending;  // by key: what is being looked for or compiled
};

HostCompiler::State::State(const std::string& command, ObjectCache objects) : cache(std::move(objects)) {
  std::istringstream blanks_apart(command);
  words.assign(std::istream_iterator<std::string>(blanks_apart), {});
  if (words.empty()) throw UsageError("no C++ compiler is named", std::string(kCompilers));
  const ChildResult told = run({"--version"});
  // What C++20 brought last of all that an object is made of; a program that is no compiler does not say that either.
  const ChildResult defined =
      run({kFlags.front(), "-x", "c++", "-E", "-dM", "-include", "source_location", "/dev/null"});
  if (told.status != 0 || defined.output.find("#define __cpp_lib_source_location ") == std::string::npos)
    throw UsageError(fmt::format("'{}' is no compiler of C++20", command), std::string(kCompilers));
  version = told.output;
  macros = defined.output;
  first_line = version.substr(0, version.find('\n'));
}

ChildResult HostCompiler::State::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = words;
  all.insert(all.end(), arguments.begin(), arguments.end());
  try {
    return run_child(all);
  } catch (const std::system_error& error) {
    throw UsageError(fmt::format("the C++ compiler {} does not run: {}", words.front(), error.code().message()),
                     std::string(kCompilers));
  }
}

// Over lengths, too: no two lists of texts look the same.
std::string HostCompiler::State::key(const Inputs& files) const {
  std::string all;
  const auto add = [&](std::string_view text) { all += fmt::format("{}:{}\n", text.size(), text); };
  for (const std::string& word : words) add(word);
  add(version);
  add(macros);
  for (const char* flag : kFlags) add(flag);
  for (const auto& [name, text] : files) {
    add(name);
    add(text);
  }
  return sha256(all);
}

fs::path HostCompiler::State::make(const KernelSource& source, const Inputs& files, const std::string& key) const {
  const WorkFolder folder(cache.folder());
  for (const auto& [name, text] : files) folder.write(name, text);
  std::vector<std::string> arguments(kFlags.begin(), kFlags.end());
  for (const std::string& word : {std::string("-iquote"), folder.path().string(), std::string("-Xlinker"),
                                  "--version-script=" + folder.path(kExports), std::string("-o"), folder.path(kObject),
                                  std::string("-x"), std::string("c++"), folder.path(kSource)})
    arguments.push_back(word);
  const ChildResult result = run(arguments);
  const std::optional<std::string> bytes = folder.read(kObject);
  if (result.status == 0 && bytes) return cache.store(key, *bytes);
  const std::string log = replace_all(result.output, folder.path(""), "");
  throw HostCompilerError(fmt::format("{} does not compile with {}: {}", source.name, first_line, first_error(log)),
                          std::string(kCompilers), log, source.text);
}

HostCompiler::HostCompiler(const std::string& command, const fs::path& cache)
    : state_(std::make_shared<State>(command, ObjectCache(cache))) {}

const std::string& HostCompiler::version() const { return state_->first_line; }

HostKernel HostCompiler::compile(const KernelSource& source, std::span<const EmbeddedFile> templates) const {
  State& state = *state_;
  const Inputs files = inputs(source, templates);
  const std::string key = state.key(files);
  std::packaged_task<State::Object()> task([&] {
    const std::optional<fs::path> known = state.cache.find(key);
    return std::make_shared<const HostKernel::Object>(known ? *known : state.make(source, files, key), source);
  });
  std::shared_future<State::Object> result = task.get_future().share();
  bool first = false;
  {
    const std::scoped_lock lock(state.mutex);
    const auto [known, inserted] = state.pending.try_emplace(key, result);
    result = known->second;
    first = inserted;
  }
  if (first) {
    task();
    const std::scoped_lock lock(state.mutex);
    state.pending.erase(key);
  }
  return {source.name, result.get()};
}

}  // namespace ditune
