// SPDX-License-Identifier: Apache-2.0
#include "runtime/compile_pool.hpp"

#include <atomic>
#include <barrier>

#include "catch.hpp"

using namespace ditune;

namespace {

KernelSource source(const std::string& text) { return {"kernel", text}; }

}  // namespace

TEST_CASE("The same text for the same arch is compiled once") {
  std::atomic<int> compilations = 0;
  CompilePool pool(
      [&](const KernelSource& s, SmArch arch) {
        ++compilations;
        return CompiledKernel{s.name, s.text + format(arch), {}};
      },
      2);
  const auto first = pool.compile(source("a"), SmArch{86});
  const auto again = pool.compile(source("a"), SmArch{86});
  const auto other_arch = pool.compile(source("a"), SmArch{90});
  const auto other_text = pool.compile(source("b"), SmArch{86});
  CHECK(first.get().cubin == "asm_86");
  CHECK(&again.get() == &first.get());
  CHECK(other_arch.get().cubin == "asm_90");
  CHECK(other_text.get().cubin == "bsm_86");
  CHECK(compilations == 3);
}

TEST_CASE("Several compilations run at once") {
  std::barrier all_there(3);  // no compilation ends before three have begun
  CompilePool pool(
      [&](const KernelSource& s, SmArch) {
        all_there.arrive_and_wait();
        return CompiledKernel{s.name, s.text, {}};
      },
      3);
  const auto a = pool.compile(source("a"), {}), b = pool.compile(source("b"), {}), c = pool.compile(source("c"), {});
  CHECK(a.get().cubin + b.get().cubin + c.get().cubin == "abc");
}

TEST_CASE("One thread compiles in the order that was asked for") {
  std::string order;
  CompilePool pool(
      [&](const KernelSource& s, SmArch) {
        order += s.text;
        return CompiledKernel{};
      },
      1);
  std::shared_future<CompiledKernel> last;
  for (const char* text : {"d", "a", "c", "b"}) last = pool.compile(source(text), {});
  last.wait();
  CHECK(order == "dacb");
  CHECK(pool.waiting() == 0);
}

TEST_CASE("An error reaches everyone who asked and stops no one else") {
  CompilePool pool(
      [](const KernelSource& s, SmArch) -> CompiledKernel {
        if (s.text == "bad") throw NvrtcError("refused", "", "the log", s.text);
        return {s.name, s.text, {}};
      },
      1);
  const auto bad = pool.compile(source("bad"), {}), good = pool.compile(source("good"), {});
  CHECK_THROWS_AS(bad.get(), NvrtcError);
  CHECK_THROWS_AS(pool.compile(source("bad"), {}).get(), NvrtcError);
  CHECK(good.get().cubin == "good");
}

TEST_CASE("A pool that goes drops what waits and finishes what runs") {
  std::promise<void> begun, go_on;
  std::shared_future<CompiledKernel> running, waiting;
  std::jthread release;
  {
    CompilePool pool(
        [&](const KernelSource& s, SmArch) {
          begun.set_value();
          go_on.get_future().wait();
          return CompiledKernel{s.name, s.text, {}};
        },
        1);
    running = pool.compile(source("running"), {});
    begun.get_future().wait();
    waiting = pool.compile(source("waiting"), {});
    CHECK(pool.waiting() == 1);
    release = std::jthread([&] { go_on.set_value(); });
  }
  CHECK(running.get().cubin == "running");
  CHECK_THROWS_AS(waiting.get(), std::future_error);
}

TEST_CASE("NVRTC compiles on several threads at once") {
  const Nvrtc nvrtc;
  CompilePool pool([nvrtc](const KernelSource& s, SmArch arch) { return nvrtc.compile(s, arch); }, 4);
  std::vector<std::shared_future<CompiledKernel>> kernels;
  for (int i = 0; i < 16; ++i) {
    const std::string name = "kernel_" + std::to_string(i);
    kernels.push_back(
        pool.compile({name, "extern \"C\" __global__ void " + name + "(int* p) { *p = 1; }"}, SmArch{90}));
  }
  for (int i = 0; i < 16; ++i) {
    CHECK(kernels[static_cast<std::size_t>(i)].get().cubin.find("kernel_" + std::to_string(i)) != std::string::npos);
  }
}
