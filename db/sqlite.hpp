// SPDX-License-Identifier: Apache-2.0
// SQLite handles, one move-only class each: a constructor acquires, a destructor releases and never throws. Errors are
// DbError.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ditune/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace ditune {

// The content of the file is at fault; of kind unusable.
class DamageError : public DbError {
 public:
  DamageError(const std::string& what, const std::string& remedy) : DbError(Kind::unusable, what, remedy) {}
};

// A connection, for one thread at a time.
class Database {
 public:
  enum class Mode {
    create,      // read and write, made if it is not there
    read_write,  // an existing file
    read_only,   // an existing file; joins its writers' shared memory
    immutable,   // an existing file that nobody writes: no locks, no file beside it
  };
  Database(const std::filesystem::path& path, Mode mode);

  // An empty one in memory.
  static Database in_memory(std::string name = "a database in memory");
  // A copy of `other` as it is now, in memory.
  static Database in_memory(const Database& other);

  // Any number of statements without results.
  void execute(std::string_view sql);
  // The first column of the first row, which there must be.
  std::int64_t integer(std::string_view sql) const;
  std::string text(std::string_view sql) const;

  // False where the file could only be opened for reading.
  bool writable() const;
  // Whether its path names another file by now, or none: what is written will not be found.
  bool moved() const;
  // The log beside the file stays there when this is closed.
  void keep_log();
  // As messages name it.
  const std::string& name() const { return name_; }
  sqlite3* get() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept;
  };
  Database(std::string name, const std::string& uri, int flags);

  std::string name_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

// A prepared statement. Keeps a reference to its database.
class Statement {
 public:
  Statement(const Database& db, std::string_view sql);

  // The parameters ?1, ?2, ... in order; starts over. An empty optional is NULL.
  template <class... Values>
  Statement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_at(++index, values), ...);
    return *this;
  }
  // True while there is a row to read.
  bool step();
  // Of a statement whose rows do not matter.
  void run();

  // A column of the row, from 0; empty if it is NULL or of another type. Text is there until the next step.
  std::optional<std::int64_t> integer(int column) const;
  std::optional<double> real(int column) const;
  std::optional<std::string_view> text(int column) const;
  std::optional<std::string> blob(int column) const;
  bool is_null(int column) const;

 private:
  void reset() noexcept;
  void bind_at(int index, std::integral auto value) { bind_integer(index, static_cast<std::int64_t>(value)); }
  void bind_at(int index, const std::convertible_to<std::string_view> auto& value) { bind_text(index, value); }
  void bind_at(int index, double value);
  void bind_at(int index, Blob value);
  template <class T>
  void bind_at(int index, const std::optional<T>& value) {
    if (value) bind_at(index, *value);  // reset() cleared it to NULL
  }
  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view value);
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  const Database* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// BEGIN IMMEDIATE: takes the write lock at once, so that two writers queue instead of failing halfway.
// Rolled back unless committed, which throws DbError{failed} if the file has been moved or deleted. Within another
// transaction it is a part of that and decides nothing.
class Transaction {
 public:
  explicit Transaction(Database& db);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& db_;
  bool open_;
};

}  // namespace ditune
