// SPDX-License-Identifier: Apache-2.0
// The fields of an epilogue; epilogue.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "ditune/epilogue.hpp"

namespace ditune {

template <>
struct Fields<Epilogue> {
  static constexpr std::tuple kRows{Row<&Epilogue::sx>{}, Row<&Epilogue::sw>{}, Row<&Epilogue::bias>{},
                                    Row<&Epilogue::op>{}, Row<&Epilogue::out>{}};
};

}  // namespace ditune
