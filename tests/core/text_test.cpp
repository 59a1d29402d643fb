// SPDX-License-Identifier: Apache-2.0
#include "core/text.hpp"

#include "catch.hpp"

using namespace ditune;

TEST_CASE("A count of one is singular") {
  CHECK(text::counted(0, "row") == "0 rows");
  CHECK(text::counted(1, "row") == "1 row");
  CHECK(text::counted(2, "row") == "2 rows");
  CHECK(text::counted(1, "launch") == "1 launch");
  CHECK(text::counted(2, "launch") == "2 launches");
}
