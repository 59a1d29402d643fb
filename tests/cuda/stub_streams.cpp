// SPDX-License-Identifier: Apache-2.0
// Streams, events and graphs.
#include <algorithm>
#include <iterator>
#include <utility>

#include "cuda/stub_model.hpp"

namespace ditune::test {
namespace {

CUresult stream_create(CUstream* stream, unsigned flags) {
  BEGIN(begin_in_context, "cuStreamCreate");
  if (flags != CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
  return made("stream", stream, new CUstream_st{current_context, {}});
}

CUresult stream_destroy(CUstream stream) {
  BEGIN(begin_in_context, "cuStreamDestroy");
  return destroyed("stream", stream);
}

CUresult stream_synchronize(CUstream stream) {
  BEGIN(begin_in_context, "cuStreamSynchronize");
  return stream && stream->capture ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

CUresult stream_is_capturing(CUstream stream, CUstreamCaptureStatus* status) {
  BEGIN(begin_in_context, "cuStreamIsCapturing");
  *status = stream && stream->capture ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

CUresult stream_begin_capture(CUstream stream, CUstreamCaptureMode mode) {
  BEGIN(begin_in_context, "cuStreamBeginCapture");
  if (!stream || stream->capture || mode != CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) return CUDA_ERROR_INVALID_VALUE;
  stream->capture.emplace();
  return CUDA_SUCCESS;
}

CUresult stream_end_capture(CUstream stream, CUgraph* graph) {
  BEGIN(begin_in_context, "cuStreamEndCapture");
  if (!stream || !stream->capture) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  auto* const captured = new CUgraph_st(*std::exchange(stream->capture, std::nullopt));
  return made("graph", graph, captured);
}

CUresult event_create(CUevent* event, unsigned flags) {
  BEGIN(begin_in_context, "cuEventCreate");
  return flags == CU_EVENT_DEFAULT ? made("event", event, new CUevent_st{false}) : CUDA_ERROR_INVALID_VALUE;
}

CUresult event_destroy(CUevent event) {
  BEGIN(begin_in_context, "cuEventDestroy");
  return destroyed("event", event);
}

CUresult event_record(CUevent event, CUstream) {
  BEGIN(begin_in_context, "cuEventRecord");
  event->is_recorded = true;
  return CUDA_SUCCESS;
}

CUresult event_synchronize(CUevent) { return begin_in_context("cuEventSynchronize"); }

CUresult event_elapsed_time(float* milliseconds, CUevent from, CUevent to) {
  BEGIN(begin_in_context, "cuEventElapsedTime");
  *milliseconds = 0.25F;
  return from->is_recorded && to->is_recorded ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult graph_instantiate_with_flags(CUgraphExec* executable, CUgraph graph, unsigned long long flags) {
  BEGIN(begin, "cuGraphInstantiateWithFlags");
  return flags == 0 ? made("executable", executable, new CUgraphExec_st{graph->launches}) : CUDA_ERROR_INVALID_VALUE;
}

CUresult graph_launch(CUgraphExec executable, CUstream) {
  BEGIN(begin_in_context, "cuGraphLaunch");
  const std::scoped_lock lock(stub_mutex);
  std::ranges::copy(executable->launches, std::back_inserter(stub.launches));
  return CUDA_SUCCESS;
}

CUresult graph_destroy(CUgraph graph) {
  BEGIN(begin, "cuGraphDestroy");
  return destroyed("graph", graph);
}

CUresult graph_exec_destroy(CUgraphExec executable) {
  BEGIN(begin, "cuGraphExecDestroy");
  return destroyed("executable", executable);
}

}  // namespace

std::vector<StubEntry> stream_functions() {
  return {
      entry<PFN_cuStreamCreate_v2000>("cuStreamCreate", 2000, stream_create),
      entry<PFN_cuStreamDestroy_v4000>("cuStreamDestroy", 4000, stream_destroy),
      entry<PFN_cuStreamSynchronize_v2000>("cuStreamSynchronize", 2000, stream_synchronize),
      entry<PFN_cuStreamIsCapturing_v10000>("cuStreamIsCapturing", 10000, stream_is_capturing),
      entry<PFN_cuStreamBeginCapture_v10010>("cuStreamBeginCapture", 10010, stream_begin_capture),
      entry<PFN_cuStreamEndCapture_v10000>("cuStreamEndCapture", 10000, stream_end_capture),
      entry<PFN_cuEventCreate_v2000>("cuEventCreate", 2000, event_create),
      entry<PFN_cuEventDestroy_v4000>("cuEventDestroy", 4000, event_destroy),
      entry<PFN_cuEventRecord_v2000>("cuEventRecord", 2000, event_record),
      entry<PFN_cuEventSynchronize_v2000>("cuEventSynchronize", 2000, event_synchronize),
      entry<PFN_cuEventElapsedTime_v2000>("cuEventElapsedTime", 2000, event_elapsed_time),
      entry<PFN_cuGraphInstantiateWithFlags_v11040>("cuGraphInstantiateWithFlags", 11040, graph_instantiate_with_flags),
      entry<PFN_cuGraphLaunch_v10000>("cuGraphLaunch", 10000, graph_launch),
      entry<PFN_cuGraphDestroy_v10000>("cuGraphDestroy", 10000, graph_destroy),
      entry<PFN_cuGraphExecDestroy_v10000>("cuGraphExecDestroy", 10000, graph_exec_destroy),
  };
}

}  // namespace ditune::test
