// SPDX-License-Identifier: Apache-2.0
#include "db/sqlite.hpp"

#include <cstdint>
#include <limits>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("A statement binds and reads back every type") {
  const TempFolder folder;
  Database db(folder / "t.db", Database::Mode::create);
  Statement statement(db, "SELECT ?1, ?2, ?3, ?4, ?5");
  const std::string bytes("\0\xff", 2);
  statement.bind(std::numeric_limits<std::int64_t>::min(), 0.1, "caf\xc3\xa9", Blob{bytes}, std::optional<int>());
  REQUIRE(statement.step());
  CHECK(statement.integer(0) == std::numeric_limits<std::int64_t>::min());
  CHECK(statement.real(1) == 0.1);
  CHECK(statement.text(2) == "caf\xc3\xa9");
  CHECK(statement.blob(3) == bytes);
  CHECK(statement.is_null(4));
  CHECK_FALSE(statement.step());
}

TEST_CASE("A column of another type is empty, not converted") {
  const TempFolder folder;
  Database db(folder / "t.db", Database::Mode::create);
  Statement statement(db, "SELECT '12', 12");
  REQUIRE(statement.step());
  CHECK_FALSE(statement.integer(0).has_value());
  CHECK_FALSE(statement.text(1).has_value());
  CHECK_FALSE(statement.real(1).has_value());
}

TEST_CASE("An empty text is not NULL, and binding again forgets the values before") {
  const TempFolder folder;
  Database db(folder / "t.db", Database::Mode::create);
  Statement statement(db, "SELECT ?1, ?2");
  statement.bind("", 1);
  REQUIRE(statement.step());
  CHECK(statement.text(0) == "");
  statement.bind("x", std::optional<int>());
  REQUIRE(statement.step());
  CHECK(statement.is_null(1));
}

TEST_CASE("A transaction that is not committed leaves nothing") {
  const TempFolder folder;
  Database db(folder / "t.db", Database::Mode::create);
  db.execute("CREATE TABLE t (x)");
  {
    Transaction transaction(db);
    db.execute("INSERT INTO t VALUES (1)");
  }
  CHECK(db.integer("SELECT count(*) FROM t") == 0);
  {
    Transaction transaction(db);
    db.execute("INSERT INTO t VALUES (1)");
    transaction.commit();
  }
  CHECK(db.integer("SELECT count(*) FROM t") == 1);
}

TEST_CASE("Errors are DbError with the file's name, and say whose fault it is") {
  const TempFolder folder;
  Database db(folder / "t.db", Database::Mode::create);
  const std::string message = error_of<Error>([&] { db.execute("SELECT * FROM absent"); });
  CHECK(contains(message, "t.db"));
  CHECK(contains(message, "no such table: absent"));
  try {
    Database(folder / "absent.db", Database::Mode::read_only);
    FAIL("opened what is not there");
  } catch (const DbError& error) {
    CHECK(error.kind() == DbError::Kind::unusable);
  }
}

TEST_CASE("Characters that mean something in a URI are part of a file's name") {
  const TempFolder folder;
  const auto path = folder / "a?mode=ro#b%41.db";
  Database(path, Database::Mode::create).execute("CREATE TABLE t (x)");
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("A path that begins with two slashes is a path, and names no machine") {
  const TempFolder folder;
  const std::filesystem::path path = "/" + (folder / "t.db").string();
  Database(path, Database::Mode::create).execute("CREATE TABLE t (x)");
  CHECK(std::filesystem::exists(folder / "t.db"));
}
