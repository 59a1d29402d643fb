// SPDX-License-Identifier: Apache-2.0
// The machine that the C ABI is tested on.
#pragma once

#include <ditune/ditune.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "db/store.hpp"
#include "generator/emit.hpp"
#include "runtime/fake_driver.hpp"

namespace ditune::test {

// The driver of every runtime that is opened.
const std::shared_ptr<FakeDriver>& driver();

// Whether ditune_last_error() has this.
bool says(const std::string& what);

// An address that is far from those of other numbers.
template <class T = void>
T* address(std::uintptr_t number) {
  return reinterpret_cast<T*>(number << 40);
}

// The winner of an operation on the machine's card.
inline TuningRecord machine_winner(const Operation& operation, const KernelConfig& config = measured_record().config) {
  TuningRecord record = measured_record();
  record.config = config;
  record.key.operation = operation;
  record.key.device = device_class(find_device("RTX 3090"));
  record.key.template_hash = template_hash(record.config);
  return record;
}

// A runtime of a database with these winners, on a driver that nothing was launched on.
struct OpenedRuntime {
  explicit OpenedRuntime(const std::vector<TuningRecord>& winners) {
    {
      Store store = Store::open(folder / "t.db");
      for (const TuningRecord& winner : winners) store.set_winner(winner, "the cubin");
    }
    file = (folder / "t.db").string();
    name = file.c_str();
    options.size = sizeof options;
    options.databases = &name;
    options.database_count = 1;
    driver()->launches.clear();
    driver()->loaded.clear();
    driver()->capturing = false;
    driver()->devices = 2;
    REQUIRE(ditune_open(&options, &runtime) == DITUNE_OK);
  }
  OpenedRuntime(const OpenedRuntime&) = delete;
  OpenedRuntime& operator=(const OpenedRuntime&) = delete;
  ~OpenedRuntime() { ditune_close(runtime); }

  TempFolder folder;
  std::string file;
  const char* name = nullptr;
  ditune_open_options options{};
  ditune_runtime runtime = 0;
};

}  // namespace ditune::test
