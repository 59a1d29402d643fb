// What the kernel of a config is launched with. It stays right for as long as `args` do: who launches the same operands
// again may keep it. cudaErrorNotSupported without a driver that can do it.
template <class C>
cudaError_t make_parameter(const C& config, const ditune::Epilogue& fused, const FusedGemmArgs& args,
                           TmaFusedGemmArgs& parameter) {
  parameter.gemm = args;
  static_cast<ditune::ResidualArgs&>(parameter) = args;
  cudaError_t status = detail::encode(x_map(config, args), parameter.x);
  if (status == cudaSuccess) status = detail::encode(w_map(config, args), parameter.w);
  if (status == cudaSuccess) status = detail::encode(y_map(config, fused, args), parameter.y);
  if (status == cudaSuccess && stages_residual(fused))
    status = detail::encode(residual_map(config, fused, args), parameter.residual);
  return status;
}

// The same of an epilogue without op and residual.
template <class C>
cudaError_t make_parameter(const C& config, ditune::Output out, const GemmArgs& args, TmaGemmArgs& parameter) {
  ditune::Epilogue plain;
  plain.out = out;
  TmaFusedGemmArgs fused{};
  const cudaError_t status = make_parameter(config, plain, args, fused);
  parameter = fused;
  return status;
}
