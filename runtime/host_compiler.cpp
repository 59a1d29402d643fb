#include "runtime/host_compiler.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
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

#include "db/sha256.hpp"
#include "emulation/embedded_emulation.hpp"
#include "runtime/child_process.hpp"
#include "runtime/compiler_log.hpp"
#include "runtime/dylib.hpp"

namespace fs = std::filesystem;

namespace ditune {
namespace {

// Contraction would round once where the numerics contract rounds twice. An object needs nothing but the C library.
constexpr std::array kFlags = {
    "-std=c++20",     "-O1", "-w", "-fPIC", "-fno-semantic-interposition", "-ffp-contract=off", "-shared",
    "-Wl,--as-needed"};
constexpr std::string_view kCompilers = "set CXX to g++ 12, clang++ 16 or newer";
constexpr std::size_t kDigest = 64;  // hex digits of a SHA-256

std::string message(int error) { return std::generic_category().message(error); }

UsageError cannot_write(const fs::path& folder, const std::string& reason) {
  return {fmt::format("the cache of compiled kernels, {}, cannot be written: {}", folder.string(), reason),
          "make room there or let it be written, or set XDG_CACHE_HOME to another folder"};
}

// A folder of one's own in `parent`, which is made if it is not there. Goes with all that is in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    std::error_code error;
    fs::create_directories(parent, error);
    if (error) throw cannot_write(parent, error.message());
    std::string pattern = (parent / "compiling-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw cannot_write(parent, message(errno));
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator(in), {});
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw cannot_write(path.parent_path(), message(errno));
}

// All that the compiler reads, by path in its folder.
using Inputs = std::map<std::string, std::string>;
constexpr std::string_view kSource = "kernel.cpp", kExports = "exports.map", kObject = "kernel.so";

Inputs inputs(const KernelSource& source, std::span<const EmbeddedFile> templates) {
  Inputs files;
  files[std::string(kSource)] = source.text + "\n#include \"emulation/object.hpp\"\n";
  // Whatever else two objects have in common by name, each keeps its own.
  files[std::string(kExports)] = fmt::format("{{ global: {}; ditune_machine; local: *; }};\n", source.name);
  for (const EmbeddedFile& file : templates) files[std::string(file.name)] = file.text;
  for (const EmbeddedFile& file : embedded_emulation()) files["emulation/" + std::string(file.name)] = file.text;
  return files;
}

// Not a byte of a stored object is trusted: the digest of what is before it ends the file, where ELF does not look.
bool intact(const fs::path& path) {
  const std::optional<std::string> bytes = read_file(path);
  if (!bytes || bytes->size() < kDigest) return false;
  const std::string_view object = std::string_view(*bytes).substr(0, bytes->size() - kDigest);
  return sha256(object) == bytes->substr(object.size());
}

std::string replace_all(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// The C++ standard that a compiler's list of macros (-dM) tells; 0 if it is none.
long standard(std::string_view macros) {
  constexpr std::string_view kMacro = "#define __cplusplus ";
  const std::size_t at = macros.find(kMacro);
  long value = 0;
  if (at != std::string_view::npos)
    std::from_chars(macros.data() + at + kMacro.size(), macros.data() + macros.size(), value);
  return value;
}

}  // namespace

struct HostKernel::Object {
  Object(const fs::path& file, const KernelSource& source)
      : library(file), kernel(library.function<void(GemmArgs)>(source.name.c_str())) {
    if (!library) {
      throw HostCompilerError(fmt::format("{} cannot be loaded: {}", source.name, library.error()),
                              "programs must be allowed to run from the cache's folder", library.error(), source.text);
    }
    if (!kernel || !machine)
      throw HostCompilerError("the source has no kernel " + source.name, "it must be extern \"C\"", {}, source.text);
  }

  Dylib library;
  void (*kernel)(GemmArgs);
  emulation::Machine** (*machine)() = library.function<emulation::Machine**()>("ditune_machine");
};

emulation::Report HostKernel::run(emulation::Launch launch, std::span<const emulation::Region> memory,
                                  const GemmArgs& args) const {
  launch.kernel = name_;
  return emulation::emulate(
      launch, memory, [&] { object_->kernel(args); }, *object_->machine());
}

struct HostCompiler::State {
  using Object = std::shared_ptr<const HostKernel::Object>;

  // The compiler with these arguments behind its own. Throws UsageError if it does not start.
  ChildResult run(const std::vector<std::string>& arguments) const;
  std::string key(const Inputs& files) const;
  void make(const KernelSource& source, const Inputs& files, const fs::path& object) const;

  std::vector<std::string> command;
  std::string version;     // all that --version prints
  std::string first_line;  // of it
  fs::path cache;
  std::mutex mutex;
  std::map<std::string, std::shared_future<Object>> pending;  // by key: what is being looked for or compiled
};

ChildResult HostCompiler::State::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = command;
  words.insert(words.end(), arguments.begin(), arguments.end());
  try {
    return run_child(words);
  } catch (const std::system_error& error) {
    throw UsageError(fmt::format("the C++ compiler {} does not run: {}", command.front(), error.code().message()),
                     std::string(kCompilers));
  }
}

// Over lengths, too: no two lists of texts look the same.
std::string HostCompiler::State::key(const Inputs& files) const {
  std::string all;
  const auto add = [&](std::string_view text) { all += fmt::format("{}:{}\n", text.size(), text); };
  for (const std::string& word : command) add(word);
  add(version);
  for (const char* flag : kFlags) add(flag);
  for (const auto& [name, text] : files) {
    add(name);
    add(text);
  }
  return sha256(all);
}

// Compiles into `object`, which is there as a whole or not at all.
void HostCompiler::State::make(const KernelSource& source, const Inputs& files, const fs::path& object) const {
  const TemporaryFolder folder(cache);
  fs::create_directory(folder.path() / "emulation");
  for (const auto& [name, text] : files) write_file(folder.path() / name, text);

  const auto path = [&](std::string_view name) { return (folder.path() / name).string(); };
  std::vector<std::string> arguments(kFlags.begin(), kFlags.end());
  // Places in the source are "mma_s8.cuh", not of a folder that will be gone.
  for (const std::string& word : {"-ffile-prefix-map=" + path("") + "=", std::string("-iquote"), folder.path().string(),
                                  std::string("-Xlinker"), "--version-script=" + path(kExports), std::string("-o"),
                                  path(kObject), std::string("-x"), std::string("c++"), path(kSource)})
    arguments.push_back(word);
  const ChildResult result = run(arguments);
  const std::optional<std::string> bytes = read_file(path(kObject));
  if (result.status != 0 || !bytes) {
    const std::string log = replace_all(result.output, path(""), "");
    throw HostCompilerError(fmt::format("{} does not compile with {}: {}", source.name, first_line, first_error(log)),
                            std::string(kCompilers), log, source.text);
  }
  write_file(path(kObject), *bytes + sha256(*bytes));
  fs::rename(path(kObject), object);
}

HostCompiler::HostCompiler(const std::string& command, const fs::path& cache) : state_(std::make_shared<State>()) {
  std::istringstream words(command);
  state_->command.assign(std::istream_iterator<std::string>(words), {});
  if (state_->command.empty()) throw UsageError("no C++ compiler is named", std::string(kCompilers));
  const ChildResult version = state_->run({"--version"});
  const ChildResult macros = state_->run({kFlags.front(), "-x", "c++", "-E", "-dM", "/dev/null"});
  if (version.status != 0 || macros.status != 0 || standard(macros.output) < 202002)
    throw UsageError(fmt::format("'{}' is no C++20 compiler", command), std::string(kCompilers));
  state_->version = version.output;
  state_->first_line = version.output.substr(0, version.output.find('\n'));
  state_->cache = fs::absolute(cache);
  const TemporaryFolder writable(state_->cache);
}

const std::string& HostCompiler::version() const { return state_->first_line; }

HostKernel HostCompiler::compile(const KernelSource& source, std::span<const EmbeddedFile> templates) const {
  State& state = *state_;
  const Inputs files = inputs(source, templates);
  const std::string key = state.key(files);
  std::packaged_task<State::Object()> task([&] {
    const fs::path object = state.cache / (key + ".so");
    if (!intact(object)) state.make(source, files, object);
    return std::make_shared<const HostKernel::Object>(object, source);
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
