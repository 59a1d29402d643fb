#include "emulation/hardware.hpp"

#include <ucontext.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ditune::emulation {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;

enum class Waiting { no, warp, block, done };

struct Fiber {
  Thread thread{};
  Waiting waiting = Waiting::no;
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(kStackBytes);
};

// The CTA that is running. Fibers switch on one OS thread, so that thread's pointer to it is all the context there is.
class Block {
 public:
  Block(int block, int grid, int threads, std::size_t shared_bytes, const std::function<void()>& kernel)
      : kernel_(kernel), shared_(shared_bytes, 0xa5), exchange_(static_cast<std::size_t>(threads) * kSlotBytes) {
    fibers_.resize(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; ++t) {
      fibers_[static_cast<std::size_t>(t)].thread = {
          .thread = t,
          .block = block,
          .grid = grid,
          .shared = shared_.data(),
          .shared_bytes = shared_.size(),
          .exchange = exchange_.data() + static_cast<std::size_t>(t / kWarp * kWarp) * kSlotBytes};
    }
  }

  void run();
  void wait(Waiting what) {
    Fiber& self = *running_;
    self.waiting = what;
    swapcontext(&self.context, &scheduler_);
    if (failure_) throw Abandoned{};
  }
  Thread& thread() { return running_->thread; }

 private:
  struct Abandoned {};  // unwinds the other threads once one has failed

  static void enter();
  void resume(Fiber& fiber) {
    running_ = &fiber;
    swapcontext(&scheduler_, &fiber.context);
  }
  bool release(std::size_t first, std::size_t count, Waiting what);

  const std::function<void()>& kernel_;
  std::vector<unsigned char> shared_;
  std::vector<std::byte> exchange_;
  std::vector<Fiber> fibers_;
  ucontext_t scheduler_{};
  Fiber* running_ = nullptr;
  std::exception_ptr failure_;
};

thread_local Block* running_block = nullptr;

void Block::enter() {
  Block& block = *running_block;
  try {
    block.kernel_();
  } catch (const Abandoned&) {
  } catch (...) {
    if (!block.failure_) block.failure_ = std::current_exception();
  }
  block.running_->waiting = Waiting::done;
  swapcontext(&block.running_->context, &block.scheduler_);
}

// Lets `count` threads from `first` on go if all of them wait for `what`.
bool Block::release(std::size_t first, std::size_t count, Waiting what) {
  const auto begin = fibers_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(count);
  if (!std::all_of(begin, end, [&](const Fiber& f) { return f.waiting == what; })) return false;
  std::for_each(begin, end, [](Fiber& f) { f.waiting = Waiting::no; });
  return true;
}

void Block::run() {
  running_block = this;
  for (Fiber& fiber : fibers_) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    makecontext(&fiber.context, &Block::enter, 0);
  }
  const auto done = [](const Fiber& f) { return f.waiting == Waiting::done; };
  while (!std::all_of(fibers_.begin(), fibers_.end(), done)) {
    for (Fiber& fiber : fibers_) {
      if (fiber.waiting == Waiting::no || (failure_ && !done(fiber))) resume(fiber);
    }
    bool released = release(0, fibers_.size(), Waiting::block);
    for (std::size_t first = 0; first < fibers_.size(); first += kWarp) {
      released |= release(first, std::min<std::size_t>(kWarp, fibers_.size() - first), Waiting::warp);
    }
    const bool stuck = !released && !std::all_of(fibers_.begin(), fibers_.end(), done);
    if (stuck && !failure_) {
      failure_ = std::make_exception_ptr(std::logic_error("CTA " + std::to_string(fibers_[0].thread.block) +
                                                          ": a barrier is not reached by all of its threads"));
    }
  }
  running_block = nullptr;
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace

Thread& current() { return running_block->thread(); }
void block_wait() { running_block->wait(Waiting::block); }
void warp_wait() { running_block->wait(Waiting::warp); }

void run_grid(int grid, int block, std::size_t shared_bytes, const std::function<void()>& kernel) {
  for (int b = 0; b < grid; ++b) Block(b, grid, block, shared_bytes, kernel).run();
}

unsigned char* shared_at(SharedAddress address, std::size_t bytes, std::size_t align) {
  const Thread& thread = current();
  if (address + bytes > thread.shared_bytes || address % align != 0) {
    throw std::out_of_range("CTA " + std::to_string(thread.block) + ", thread " + std::to_string(thread.thread) + ": " +
                            std::to_string(bytes) + " bytes at shared address " + std::to_string(address) + " of " +
                            std::to_string(thread.shared_bytes));
  }
  return thread.shared + address;
}

const void* global_at(const void* p, std::size_t align) {
  if (reinterpret_cast<std::uintptr_t>(p) % align != 0) {
    const Thread& thread = current();
    throw std::out_of_range("CTA " + std::to_string(thread.block) + ", thread " + std::to_string(thread.thread) +
                            ": global address is not a multiple of " + std::to_string(align));
  }
  return p;
}

// Round to nearest, ties to even: adding half of what is cut off, less one where the kept part is even.
unsigned short bf16_from_float(float v) {
  const unsigned bits = float_bits(v);
  if (std::isnan(v)) return 0x7fff;
  return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

unsigned short f16_from_float(float v) {
  const unsigned sign = float_bits(v) >> 16 & 0x8000;
  const double magnitude = std::fabs(static_cast<double>(v));
  if (std::isnan(v)) return 0x7fff;
  if (magnitude >= 65520) return static_cast<unsigned short>(sign | 0x7c00);
  // The quantum of the value's binade: 10 fraction bits, subnormals below 2^-14. nearbyint rounds ties to even.
  const int exponent = magnitude < std::ldexp(1.0, -14) ? -14 : std::ilogb(magnitude);
  const double units = std::nearbyint(std::ldexp(magnitude, 10 - exponent));
  const int biased = exponent + 14;  // the implicit bit of `units` adds one
  return static_cast<unsigned short>(sign | (static_cast<unsigned>(biased << 10) + static_cast<unsigned>(units)));
}

float float_from_f16(unsigned short v) {
  const int exponent = v >> 10 & 31, fraction = v & 1023;
  float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                  : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  if (exponent == 31) magnitude = fraction == 0 ? HUGE_VALF : NAN;
  return (v & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace ditune::emulation
