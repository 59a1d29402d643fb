// SPDX-License-Identifier: Apache-2.0
// What a kind of operation brings to an exported header: a specialization of HeaderOf, in db/KIND.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fields.hpp"
#include "db/header_kernels.hpp"
#include "db/header_rows.hpp"

namespace ditune {

// Functions of the header that give the configs of its rows: detail::config_0().
class HeaderConfigs {
 public:
  // Adds a config if it is not there yet; the expression that gives it.
  std::string expression(const KernelConfig& config);
  std::string text() const { return text_; }  // the functions
  // One config of each family that there is, by the family's index.
  const std::map<std::size_t, KernelConfig>& families() const { return families_; }

 private:
  std::map<std::string, std::size_t> indices_;  // by text
  std::map<std::size_t, KernelConfig> families_;
  std::string text_;
};

// All members of a plain struct in their order, "{ditune::Staging::shared, 0}": C++17 has no names for them.
std::string values_literal(const FieldValues& values);

// What some kernels of a family are launched with: its type in the family's ParameterOf.
struct HeaderParameter {
  std::string_view name;
  Operation operation;     // of such a kernel, sizes aside
  std::string_view which;  // a comment; empty if the name says it all
};

// C++17 in namespace ditune_tuned, where the words of the templates are in a namespace `ditune` of their own; db/header
// has what all kinds share.
struct HeaderPart {
  std::string title;                        // what the kernels are
  std::string usage;                        // lines of the comment at its top
  std::string includes;                     // of the templates that it needs beside its families' configs, inlined
  std::string config;                       // the name of the variant of its families' configs
  std::vector<HeaderParameter> parameters;  // of each of its families
  std::string uses;                         // using-declarations
  std::string row;                          // the struct of a row
  std::string body;                         // the rows, and what finds and checks them
  std::string make_parameter;               // how its families' parameters with tensor maps are made
  std::string launch;                       // how a row is launched
};

// template <> struct HeaderOf<Op> {
//   // Of its rows, at least one; what they refer to is added to the configs and the kernels.
//   static HeaderPart part(std::span<const HeaderRow>, Embed, HeaderConfigs&, HeaderKernels&);
// };
template <class Op>
struct HeaderOf;

}  // namespace ditune
