// SPDX-License-Identifier: Apache-2.0
#include "cli/program.hpp"

#include <sqlite3.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

Workplace::Workplace() {
  std::string pattern = (fs::temp_directory_path() / "ditune-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
}

Workplace::~Workplace() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  fs::remove_all(cache(), ignored);
}

Outcome Workplace::ditune(const std::string& args, const std::string& first) const {
  const fs::path out = folder_.string() + ".out", err = folder_.string() + ".err";
  // The redirections come first, so that one among the arguments wins.
  const std::string command = "cd '" + folder_.string() + "' && export CXX='" DITUNE_CXX "' XDG_CACHE_HOME='" +
                              cache().string() + "' && " + first + " && DITUNE_DB=tuning.db CUDA_VISIBLE_DEVICES= >'" +
                              out.string() + "' 2>'" + err.string() + "' " DITUNE_PROGRAM " " + args;
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  Outcome outcome{code, text_of(out), text_of(err)};
  fs::remove(out);
  fs::remove(err);
  return outcome;
}

fs::path Workplace::cache() const { return folder_.string() + ".cache"; }

void Workplace::write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

std::string Workplace::read(const std::string& name) const { return text_of(path(name)); }

std::vector<std::string> Workplace::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

void run_sql(const fs::path& path, const char* sql) {
  sqlite3* database = nullptr;
  const bool done = sqlite3_open(path.c_str(), &database) == SQLITE_OK &&
                    sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  const std::string error = sqlite3_errmsg(database);
  sqlite3_close(database);
  if (!done) throw std::runtime_error(error);
}
