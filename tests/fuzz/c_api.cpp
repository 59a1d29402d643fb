// SPDX-License-Identifier: Apache-2.0
// Calls of the C ABI as a program without regard for its header might make them. Whatever the host can see is refused
// with a status and a sentence; what is launched is defined.
#include "c_api_host_calls.hpp"
#include "c_api_kernel_calls.hpp"
#include "c_api_session.hpp"

using namespace ditune::fuzz;

namespace {

constexpr int kMostCalls = 40;

// Of the kind quantize_s8, or without a runtime.
void make_newer_call(Session& session, std::size_t which) {
  switch (which) {
    case 0:
      return KernelCalls<QuantizeFunctions>(session).look_up();
    case 1:
      return KernelCalls<QuantizeFunctions>(session).prepare();
    case 2:
      return KernelCalls<QuantizeFunctions>(session).launch();
    case 3:
      return KernelCalls<QuantizeFunctions>(session).run_by_problem();
    case 4:
      return HostCalls<GemmOnHost>(session).run();
    case 5:
      return HostCalls<QuantizeOnHost>(session).run();
    case 6:
      return HostCalls<GemmOnHost>(session).format();
    default:
      return HostCalls<QuantizeOnHost>(session).format();
  }
}

void make_call(Session& session, std::size_t which) {
  switch (which) {
    case 0:
    case 8:
      return session.open();
    case 1:
      return session.close(session.pick_runtime());
    case 2:
      machine().faults = session.faults();
      return;
    case 3:
    case 11:
      return query(session);
    case 4:
    case 12:
      return KernelCalls<GemmFunctions>(session).launch();
    case 5:
    case 13:
      return KernelCalls<GemmFunctions>(session).run_by_problem();
    case 6:
    case 7:
      return KernelCalls<GemmFunctions>(session).prepare();
    case 9:
      return make_newer_call(session, session.in.below(8));
    case 10:
      return interleave(session);
    default:
      return KernelCalls<GemmFunctions>(session).look_up();
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Files files;
  Session session(files, Input(data, size));
  for (int calls = 0; calls < kMostCalls && !session.in.at_end(); ++calls) make_call(session, session.in.below(16));
  session.close_all();
  return 0;
}
