// SPDX-License-Identifier: Apache-2.0
// Compiles ahead on several threads, each source once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/nvrtc.hpp"

namespace ditune {

class CompilePool {
 public:
  // What compiles, called from several threads at once. With an Nvrtc:
  //   CompilePool pool([nvrtc](const KernelSource& source, SmArch arch) { return nvrtc.compile(source, arch); });
  using Compile = std::function<CompiledKernel(const KernelSource&, SmArch)>;

  // `threads` 0: one a core.
  explicit CompilePool(Compile compile, unsigned threads = 0);
  // Waits for what is being compiled; drops what still waits (its futures throw std::future_error).
  ~CompilePool();
  CompilePool(const CompilePool&) = delete;
  CompilePool& operator=(const CompilePool&) = delete;

  // Sources are compiled in the order they are asked for. The same text for the same arch is compiled once and kept for
  // good, an error too: get() rethrows it.
  std::shared_future<CompiledKernel> compile(const KernelSource& source, SmArch arch);

  // Sources asked for whose compilation has not begun.
  std::size_t waiting() const;

 private:
  using Task = std::packaged_task<CompiledKernel()>;
  void work(const std::stop_token& stop);

  const Compile compile_;
  mutable std::mutex mutex_;
  std::condition_variable_any queued_;
  std::deque<Task> queue_;
  std::map<std::pair<SmArch, std::string>, std::shared_future<CompiledKernel>> known_;  // by arch and text
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace ditune
