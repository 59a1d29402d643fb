// Queues a quantize_s8 on `stream` of the current device, as the layer's.
inline cudaError_t launch(const QuantizeRow& row, const QuantizeArgs& args, cudaStream_t stream) {
  if (!row.kernel || argument_error(row, args)) return cudaErrorInvalidValue;
  const LaunchPlan launch_plan = plan(row, args.m);
  cudaKernel_t kernel = nullptr;
  const cudaError_t status = detail::prepare(*row.kernel, launch_plan.shared_bytes, kernel);
  if (status != cudaSuccess) return status;
  return std::visit(
      [&](const auto& config) {
        typename ParameterOf<std::decay_t<decltype(config)>>::type parameter = args;
        return detail::launch(kernel, launch_plan, &parameter, stream);
      },
      row.variant);
}
