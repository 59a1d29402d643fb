// What the kernel of a config is launched with. It stays right for as long as `args` do: who launches the same operands
// again may keep it. cudaErrorNotSupported without a driver that can do it.
template <class C>
cudaError_t make_parameter(const C& config, ditune::Output out, const GemmArgs& args, TmaGemmArgs& parameter) {
  parameter.gemm = args;
  cudaError_t status = detail::encode(x_map(config, args), parameter.x);
  if (status == cudaSuccess) status = detail::encode(w_map(config, args), parameter.w);
  if (status == cudaSuccess) status = detail::encode(y_map(config, out, args), parameter.y);
  return status;
}
