// SPDX-License-Identifier: Apache-2.0
// The fields of an epilogue; epilogue.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "ditune/epilogue.hpp"

namespace ditune {

template <>
struct Fields<Epilogue> {
  static constexpr int kMaxFrom = 2147483647;  // a column index fits an int
  static constexpr std::array kTable{field<&Epilogue::sx>(),
                                     field<&Epilogue::sw>(),
                                     field<&Epilogue::bias>(),
                                     field<&Epilogue::op>(),
                                     field<&Epilogue::from>({.max = kMaxFrom, .min = 0}),
                                     field<&Epilogue::residual>(),
                                     field<&Epilogue::gate>(),
                                     field<&Epilogue::out>()};
};

}  // namespace ditune
