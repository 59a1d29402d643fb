// What the kernel of a config is launched with.
template <class C>
cudaError_t make_parameter(const C&, const ditune::Epilogue&, const FusedGemmArgs& args, FusedGemmArgs& parameter) {
  parameter = args;
  return cudaSuccess;
}

// The same of an epilogue without op and residual.
template <class C>
cudaError_t make_parameter(const C&, ditune::Output, const GemmArgs& args, GemmArgs& parameter) {
  parameter = args;
  return cudaSuccess;
}

// Queues the layer on `stream` of the current device and returns at once, having allocated nothing; any number of
// threads may do so, but no two launches in flight may share a workspace. cudaErrorInvalidValue if argument_error() has
// something to say or the row has no kernel. The first launch of a kernel loads it: do that before capturing a graph.
inline cudaError_t launch(const Row& row, const FusedGemmArgs& args, cudaStream_t stream) {
  if (!row.kernel || argument_error(row, args)) return cudaErrorInvalidValue;
  const LaunchPlan launch_plan = plan(row, args.m);
  cudaKernel_t kernel = nullptr;
  const cudaError_t status = detail::prepare(*row.kernel, launch_plan.shared_bytes, kernel);
  if (status != cudaSuccess) return status;
  if (row.source == Source::fallback) {
    ditune::FallbackArgs parameter{args, row.fused};
    return detail::launch(kernel, launch_plan, &parameter, stream);
  }
  return std::visit(
      [&](const auto& config) {
        typename ParameterOf<std::decay_t<decltype(config)>>::fused parameter{};
        const cudaError_t made = make_parameter(config, row.fused, args, parameter);
        return made == cudaSuccess ? detail::launch(kernel, launch_plan, &parameter, stream) : made;
      },
      row.variant);
}
