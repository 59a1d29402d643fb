// SPDX-License-Identifier: Apache-2.0
#include "runtime/compile_pool.hpp"

#include <algorithm>

namespace ditune {

CompilePool::CompilePool(Compile compile, unsigned threads) : compile_(std::move(compile)) {
  const unsigned count = threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

CompilePool::~CompilePool() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

std::shared_future<CompiledKernel> CompilePool::compile(const KernelSource& source, SmArch arch) {
  const std::scoped_lock lock(mutex_);
  auto& future = known_[{arch, source.text}];
  if (!future.valid()) {
    queue_.emplace_back([this, source, arch] { return compile_(source, arch); });
    future = queue_.back().get_future().share();
    queued_.notify_one();
  }
  return future;
}

std::size_t CompilePool::waiting() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

void CompilePool::work(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    queued_.wait(lock, stop, [this] { return !queue_.empty(); });
    if (stop.stop_requested()) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
  }
}

}  // namespace ditune
