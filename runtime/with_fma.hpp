// SPDX-License-Identifier: Apache-2.0
// Code for CPUs that have fused multiply-add as an instruction: without it std::fma is a function of 20 ns.
#pragma once

namespace ditune {
namespace detail {

#ifdef __x86_64__
// Compiled again with all that it calls.
template <class Work>
__attribute__((target("avx2,fma"), flatten)) auto call_with_fma(const Work& work) {
  return work();
}
#endif

}  // namespace detail

// work(), with those instructions where the CPU has them. They change no bit.
template <class Work>
auto with_fma(const Work& work) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")) return detail::call_with_fma(work);
#endif
  return work();
}

}  // namespace ditune
