// SPDX-License-Identifier: Apache-2.0
// The columns of trials and winners, each written once: what is selected, read, inserted and bound comes from here.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/cpp_names.hpp"
#include "core/kind.hpp"
#include "ditune/members.hpp"
#include "ditune/record.hpp"

namespace ditune {

// The part of a Trial or TuningRecord that is a Struct, const if the row is.
template <class Struct, class Row>
constexpr auto& part_of(Row& row) {
  // clang-format off
  if constexpr (std::is_same_v<Struct, std::remove_const_t<Row>>) return row;
  else if constexpr (std::is_same_v<Struct, TuningKey>) return row.key;
  else if constexpr (std::is_same_v<Struct, DeviceClass>) return row.key.device;
  else if constexpr (std::is_same_v<Struct, SmArch>) return row.key.device.arch;
  else if constexpr (std::is_same_v<Struct, Provenance>) return row.provenance;
  else if constexpr (std::is_same_v<Struct, Measurement>) return row.measurement;
  else if constexpr (std::is_same_v<Row, TuningRecord> || std::is_same_v<Row, const TuningRecord>) return row.resources;
  else return row.measurement.resources;
  // clang-format on
}

// A column of a table of schema_1.sql and what follows it, named like the member that it holds.
template <auto kMember>
struct Column {
  std::string_view name = kMemberName<kMember>;
  std::string_view noun{};  // of a text that is NULL where it is empty: what errors call it

  template <class Row>
  static constexpr auto& of(Row& row) {
    return part_of<StructOf<kMember>>(row).*kMember;
  }
};

// A column of the table operations: what kPart, a function, makes of the row's operation. Three of them tell it.
template <auto kPart>
struct OperationColumn {
  std::string_view name;

  template <class Row>
  static auto of(const Row& row) {
    return kPart(row.key.operation);
  }
};
using KindColumn = OperationColumn<&kind_name>;
using LayerColumn = OperationColumn<&format_layer>;
using RowsColumn = OperationColumn<&rows>;

// A table that rows refer to by `key`. It has each combination of values once.
template <class... Columns>
struct ReferencedTable {
  std::string_view name, key;
  std::tuple<Columns...> columns;
};
template <class... Columns>
ReferencedTable(std::string_view, std::string_view, std::tuple<Columns...>) -> ReferencedTable<Columns...>;

template <class Row>
inline constexpr std::tuple kReferencedTables{
    ReferencedTable{
        "devices", "device_id",
        std::tuple{Column<&DeviceClass::name>{}, Column<&DeviceClass::sms>{}, Column<&SmArch::number>{.name = "arch"}}},
    ReferencedTable{"operations", "operation_id",
                    std::tuple{KindColumn{"kind"}, LayerColumn{"layer"}, RowsColumn{"rows"}}},
    ReferencedTable{"configs", "config_id", std::tuple{Column<&Row::config>{}}},
    ReferencedTable{"toolchains", "toolchain_id",
                    std::tuple{Column<&Provenance::driver_version>{}, Column<&Provenance::cuda_version>{},
                               Column<&Provenance::nvrtc_version>{}, Column<&Provenance::ditune_version>{}}},
};

// Of the tables trials and winners; Timed is what has a row's times.
template <class Row, class Timed>
inline constexpr std::tuple kCommonColumns{
    Column<&TuningKey::template_hash>{},
    Column<&TuningKey::regime>{},
    Column<&Row::source>{},
    Column<&Timed::median_us>{},
    Column<&Timed::low_us>{},
    Column<&Timed::high_us>{},
    Column<&Timed::power_w>{},
    Column<&Row::predicted_us>{},
    Column<&ResourceUsage::registers>{},
    Column<&ResourceUsage::spill_bytes>{},
    Column<&ResourceUsage::shared_bytes>{},
    Column<&Provenance::gpu_uuid>{},
    Column<&Provenance::sm_clock_mhz>{},
    Column<&Provenance::temperature_c>{},
    Column<&Provenance::when>{.name = "finished_at"},
    Column<&Provenance::seed>{},
};

// What a row has beside what it refers to.
template <class Row>
inline constexpr auto kOwnColumns = std::tuple_cat(kCommonColumns<TuningRecord, TuningRecord>,
                                                   std::tuple{Column<&TuningRecord::tied>{},
                                                              Column<&TuningRecord::cubin_hash>{.noun = "hash"}});
template <>
inline constexpr auto kOwnColumns<Trial> = std::tuple_cat(kCommonColumns<Trial, Measurement>,
                                                          std::tuple{Column<&Measurement::failure>{.noun = "reason"},
                                                                     Column<&Measurement::samples_us>{}});

// All columns of a row, those that it refers to first.
template <class Row>
inline constexpr auto kAllColumns = std::apply(
    [](const auto&... table) { return std::tuple_cat(table.columns..., kOwnColumns<Row>); }, kReferencedTables<Row>);

namespace detail {

template <class T>
constexpr std::size_t count_values();
template <class... Member>
constexpr std::size_t sum_of_values(const std::tuple<Member&...>*) {
  return (count_values<Member>() + ...);
}
// The members of a row, of its parts one by one.
template <class T>
constexpr std::size_t count_values() {
  if constexpr (std::is_same_v<T, Operation>)
    return 3;  // kind, layer, rows
  else if constexpr (std::is_aggregate_v<T>)
    return sum_of_values(static_cast<decltype(members(std::declval<T&>()))*>(nullptr));
  else
    return 1;
}

template <class Row>
inline constexpr bool kIsComplete = count_values<Row>() == std::tuple_size_v<decltype(kAllColumns<Row>)>;

}  // namespace detail

static_assert(detail::kIsComplete<Trial> && detail::kIsComplete<TuningRecord>, "a member has no column");

}  // namespace ditune
