// SPDX-License-Identifier: Apache-2.0
// Runs a kernel on the CPU: its grid, its threads and the memory that it may touch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "emulation/machine.hpp"

namespace ditune::emulation {

struct Launch {
  std::string kernel = {};  // its name, for faults
  int grid = 1;             // CTAs
  int cluster = 1;          // CTAs in a cluster, of consecutive indices; they run at once
  int block = kWarp;        // threads of a CTA, whole warps
  bool dependent = false;   // it may start before what the grids before it write is there
  std::size_t shared_bytes = 0;
  std::size_t shared_limit = 0;  // of a CTA on the device that is emulated
  std::uint64_t seed = 0;        // of the order in which warps run
  int resident = 3;              // CTAs that run at once; a cluster in any case
  int ctas_per_sm = 1;           // for which its launch bounds leave registers; 0: it has no launch bounds
};

enum class Use : unsigned char {
  input,    // read alone
  output,   // written by the kernel
  inout,    // read where it was not written yet
  scratch,  // zero before the launch and after it
};

// Rows in global memory. What lies between them is not the kernel's to touch.
struct Region {
  std::string name;  // "x"
  void* data = nullptr;
  std::size_t row_bytes = 0;
  std::size_t rows = 1;
  std::size_t pitch = 0;  // bytes from row to row; that of the last row need not exist
  Use use = Use::input;
};

// How the warps' accesses at one site of the source met the banks of shared memory.
struct SharedTraffic {
  std::string wrapper, file;
  int line = 0;
  long long accesses = 0;    // of a warp
  long long wavefronts = 0;  // that they took
  long long needed = 0;      // that the same bytes take without a conflict
};

struct Report {
  std::string fault;                  // a sentence; empty if there was none
  std::vector<SharedTraffic> shared;  // by file and line
  long long box_bytes = 0;            // that load_box asked of global memory: once, for however many CTAs
};

// Calls `thread` once for each thread of the grid, on this OS thread, each on a stack of its own. `slot`: where the
// kernel's code finds its machine, running() of the program or object that holds it. Shared memory is poison before
// each CTA. A fault ends the launch: the thread that found it is unwound, the others are dropped where they wait, and
// whatever they hold beyond plain data leaks.
Report emulate(const Launch& launch, std::span<const Region> memory, const std::function<void()>& thread,
               Machine*& slot);

}  // namespace ditune::emulation
