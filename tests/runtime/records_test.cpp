// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "db/fixtures.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "ditune/library.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("Of each database the rows that are skipped are counted, and the others are read") {
  const TempFolder folder;
  for (const char* name : {"sound.db", "tampered.db"}) {
    Store store = Store::open(folder / name);
    store.set_winner(measured_record({16, 4608, 4608}));
    store.set_winner(measured_record({17, 4608, 4608}));
  }
  Database(folder / "tampered.db", Database::Mode::read_write)
      .execute("UPDATE winners SET registers = -1 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)");
  std::vector<SkippedRows> told;
  const auto records = read_records({folder / "tampered.db", folder / "sound.db"},
                                    [&](const SkippedRows& rows) { told.push_back(rows); });
  REQUIRE(records.size() == 3);
  REQUIRE(told.size() == 1);
  CHECK(told[0].database == folder / "tampered.db");
  CHECK(told[0].count == 1);
  CHECK(read_records({folder / "tampered.db"}).size() == 1);
}
