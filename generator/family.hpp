// SPDX-License-Identifier: Apache-2.0
// What a kernel family brings to the generator: a specialization of Family, in FAMILY.hpp. Its kernel is the function
// template FAMILY in FAMILY.cuh.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "generator/kernel_parameter.hpp"
#include "generator/search_space.hpp"

namespace ditune {

[[noreturn]] void refuse_kind(const KernelConfig& config, const Operation& operation);

// template <> struct Family<Config> {
//   using Op = ...;                                                               // the kind that it computes
//   static std::optional<Rejection> refusal(const Config&, const TargetOf<Op>&);  // what no launch survives
//   static std::vector<Candidate> candidates(const TargetOf<Op>&, Wanted);        // see enumerate_all
//   static LaunchPlan launch_plan(const Config&, const Op&, int sms);
//   static Prediction predict(const Config&, const TargetOf<Op>&);
//   static KernelParameter parameter(const Config&, const Op&, const ArgsOf<Op>&, const EncodeTensorMap&);
//   static std::string_view parameter_type(const Op&);                            // its type: that of the kernel
//   static constexpr std::string_view kCtas;      // on an SM at least: an expression of kConfig
//   static constexpr bool kTakesTensorMaps;       // whether its parameter has some
// };
// and what its kind asks of its families, in generator/KIND/KIND.hpp.
template <class Config>
struct Family;

template <class Config>
using OpOf = typename Family<Config>::Op;

// The operation as the config's family takes it. Throws UsageError if it is of another kind.
template <class Config>
const OpOf<Config>& op_of(const Config& config, const Operation& operation) {
  if (const auto* op = std::get_if<OpOf<Config>>(&operation)) return *op;
  refuse_kind(config, operation);
}

// A named reason why a config is not tried.
template <class Config>
struct Constraint {
  std::string_view name;
  std::string (*reason)(const Config&, const TargetOf<OpOf<Config>>&);  // empty: it does not object
};

template <class Config>
std::optional<Rejection> first_rejection(std::span<const Constraint<Config>> constraints, const Config& config,
                                         const TargetOf<OpOf<Config>>& target) {
  for (const Constraint<Config>& constraint : constraints) {
    if (std::string reason = constraint.reason(config, target); !reason.empty())
      return Rejection{.constraint = std::string(constraint.name), .reason = std::move(reason)};
  }
  return std::nullopt;
}

// All candidates, or no more once there is a legal one.
enum class Wanted { all, first_legal };

// A family's candidates as they are found, those that are not tried with their reason.
template <class Config>
class CandidateList {
 public:
  CandidateList(const TargetOf<OpOf<Config>>& target, Wanted wanted) : target_(target), wanted_(wanted) {}

  // Whether the family's limits, and then the judgements, let it stand, and it is wanted. One that does not stand is in
  // the list already.
  bool stands(const Config& config, std::span<const Constraint<Config>> judgements) {
    if (is_complete_) return false;
    std::optional<Rejection> rejection = Family<Config>::refusal(config, target_);
    if (!rejection) rejection = first_rejection(judgements, config, target_);
    if (rejection) candidates_.push_back({.config = config, .rejection = rejection});
    return !rejection;
  }
  void add(const Config& config) {
    candidates_.push_back({.config = config, .rejection = {}});
    is_complete_ = wanted_ == Wanted::first_legal;
  }
  std::vector<Candidate> take() && { return std::move(candidates_); }

 private:
  TargetOf<OpOf<Config>> target_;
  Wanted wanted_;
  bool is_complete_ = false;
  std::vector<Candidate> candidates_;
};

// The bytes of what a kernel takes by value.
template <class Parameter>
KernelParameter bytes_of(const Parameter& value) {
  static_assert(std::is_trivially_copyable_v<Parameter> && alignof(Parameter) <= alignof(KernelParameter));
  KernelParameter parameter;
  static_assert(sizeof(value) <= sizeof(parameter.bytes));
  std::memcpy(parameter.bytes.data(), &value, sizeof(value));
  parameter.size = sizeof(value);
  return parameter;
}

// The smallest of a tile's possible sides that holds `extent`, or the largest there is.
template <std::size_t N>
int covering(const std::array<int, N>& sides, std::int64_t extent) {
  const auto found = std::ranges::find_if(sides, [extent](int side) { return side >= extent; });
  return found == sides.end() ? sides.back() : *found;
}

// What a stub says of its operation, all that is known when the kernel is compiled: an overload of operation_text for
// each kind, in generator/KIND/KIND.hpp.
struct OperationText {
  std::string comment;                 // behind the config's text
  std::string name;                    // behind the config's in the kernel's name; empty where all is as by default
  std::string type, constant, fields;  // of the kernel's second template argument; designated initializers, every one
};

}  // namespace ditune
