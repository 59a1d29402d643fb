// SPDX-License-Identifier: Apache-2.0
// Finds the best kernel of a layer from code.
//
//   lookup tuning.db "RTX 3090" 4096x4608x4608 [EPILOGUE]
#include <fmt/format.h>

#include <exception>

#include "ditune/library.hpp"

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: lookup DATABASE GPU MxNxK [EPILOGUE]\n");
    return 2;
  }
  try {
    // Once: the library keeps the records in memory, any number of threads may ask it.
    const ditune::Library library(ditune::read_records({argv[1]}));
    const ditune::DeviceInfo& device = ditune::find_device(argv[2]);

    // For each layer, whenever its M changes.
    ditune::Gemm gemm = ditune::parse_shape(argv[3]);
    if (argc > 4) gemm.epilogue = ditune::parse_epilogue(argv[4]);
    const ditune::LookupResult found = library.lookup(gemm, device);

    fmt::print("{} on {}: {}\n", format_shape(gemm), device.name, format(found.config));
    fmt::print("match: {}\n", format(found.match));
    if (found.record)
      fmt::print("{} at M = {}: {} us\n", format(found.record->source), rows(found.record->key.operation),
                 found.record->microseconds());
    fmt::print("launch: {} CTAs of {} threads, {} bytes of shared memory, {} bytes of workspace\n", found.plan.grid,
               found.plan.block, found.plan.shared_bytes, found.plan.workspace_bytes);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lookup: {}\n", error.what());
    return 1;
  }
}
