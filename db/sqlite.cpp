// SPDX-License-Identifier: Apache-2.0
#include "db/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

namespace ditune {
namespace {

constexpr int kBusyTimeoutMs = 30'000;

struct Failure {
  std::optional<DbError::Kind> kind;  // none: damage
  const char* what;
  const char* remedy;
};

// https://www.sqlite.org/rescode.html, primary codes.
Failure explain(int code) {
  using Kind = DbError::Kind;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {Kind::failed, "the disk is full", "free some space"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // many times in a row
      return {Kind::failed, "another process keeps it locked", "wait until that has finished"};
    case SQLITE_IOERR:
      return {Kind::failed, "reading or writing failed", "check disk and quota"};
    case SQLITE_NOMEM:
      return {Kind::failed, "out of memory", "free some memory"};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return {Kind::unusable, "it cannot be opened or written", "check the permissions of the file and its folder"};
    default:
      return {std::nullopt, "it is damaged", "restore a copy, or move it away and tune again"};
  }
}

[[noreturn]] void fail(int code, const std::string& name, sqlite3* db) {
  const Failure failure = explain(code);
  const char* detail = db && sqlite3_errcode(db) == (code & 0xff) ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  const std::string what = fmt::format("{}: {}: {}", name, failure.what, detail);
  if (!failure.kind) throw DamageError(what, failure.remedy);
  throw DbError(*failure.kind, what, failure.remedy);
}

// https://www.sqlite.org/uri.html: characters that would end the path are escaped, and so is the escape. The authority
// is empty, since a path may begin with two slashes.
std::string uri(const std::filesystem::path& path, std::string_view query) {
  std::string uri = "file://";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri.append(query);
}

int open_flags(Database::Mode mode) {
  switch (mode) {
    case Database::Mode::create:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Database::Mode::read_write:
      return SQLITE_OPEN_READWRITE;
    case Database::Mode::read_only:
    case Database::Mode::immutable:
      break;
  }
  return SQLITE_OPEN_READONLY;
}

// A stored file is not trusted: nothing in its schema may call functions that do something, and cells are checked as
// pages are read.
constexpr std::string_view kSettings =
    "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON";

}  // namespace

Database::Database(const std::filesystem::path& path, Mode mode)
    : Database(path.string(), uri(path, mode == Mode::immutable ? "?immutable=1" : ""), open_flags(mode)) {}

Database::Database(std::string name, const std::string& uri, int flags) : name_(std::move(name)) {
  sqlite3* db = nullptr;
  // For one thread at a time: SQLite need not take a lock for every column.
  const int code = sqlite3_open_v2(uri.c_str(), &db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(db);  // there even after an error
  if (code != SQLITE_OK) fail(code, name_, db);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  // We make neither: those of others could run for ever, or change what we write.
  for (const int kind : {SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW})
    sqlite3_db_config(db, kind, 0, nullptr);
  execute(kSettings);
}

Database Database::in_memory(std::string name) {
  return {std::move(name), "file::memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
}

Database Database::in_memory(const Database& other) {
  Database copy = in_memory(other.name());
  sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", other.get(), "main");
  if (!backup) fail(sqlite3_errcode(copy.get()), copy.name(), copy.get());
  sqlite3_backup_step(backup, -1);
  if (const int code = sqlite3_backup_finish(backup); code != SQLITE_OK) fail(code, copy.name(), copy.get());
  return copy;
}

void Database::Close::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }

void Database::execute(std::string_view sql) {
  const int code = sqlite3_exec(get(), std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, name_, get());
}

std::int64_t Database::integer(std::string_view sql) const {
  Statement statement(*this, sql);
  if (statement.step())
    if (const auto value = statement.integer(0)) return *value;
  fail(SQLITE_CORRUPT, name_, nullptr);
}

std::string Database::text(std::string_view sql) const {
  Statement statement(*this, sql);
  if (statement.step())
    if (const auto value = statement.text(0)) return std::string(*value);
  fail(SQLITE_CORRUPT, name_, nullptr);
}

bool Database::writable() const { return sqlite3_db_readonly(get(), "main") == 0; }

bool Database::moved() const {
  int moved = 0;
  return sqlite3_file_control(get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

void Database::keep_log() { sqlite3_db_config(get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

Statement::Statement(const Database& db, std::string_view sql) : db_(&db) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(db.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  handle_.reset(statement);
  check(code);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

void Statement::check(int code) const {
  if (code != SQLITE_OK) fail(code, db_->name(), db_->get());
}

void Statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

void Statement::bind_integer(int index, std::int64_t value) { check(sqlite3_bind_int64(handle_.get(), index, value)); }

void Statement::bind_at(int index, double value) { check(sqlite3_bind_double(handle_.get(), index, value)); }

void Statement::bind_text(int index, std::string_view value) {
  const char* data = value.empty() ? "" : value.data();  // a null pointer would bind NULL
  check(sqlite3_bind_text64(handle_.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind_at(int index, Blob value) {
  check(sqlite3_bind_blob64(handle_.get(), index, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT));
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(code, db_->name(), db_->get());
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
}

std::optional<std::int64_t> Statement::integer(int column) const {
  if (sqlite3_column_type(handle_.get(), column) != SQLITE_INTEGER) return std::nullopt;
  return sqlite3_column_int64(handle_.get(), column);
}

std::optional<double> Statement::real(int column) const {
  if (sqlite3_column_type(handle_.get(), column) != SQLITE_FLOAT) return std::nullopt;
  return sqlite3_column_double(handle_.get(), column);
}

std::optional<std::string_view> Statement::text(int column) const {
  if (sqlite3_column_type(handle_.get(), column) != SQLITE_TEXT) return std::nullopt;
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

std::optional<std::string> Statement::blob(int column) const {
  if (sqlite3_column_type(handle_.get(), column) != SQLITE_BLOB) return std::nullopt;
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return data ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

Transaction::Transaction(Database& db) : db_(db), open_(sqlite3_get_autocommit(db.get()) != 0) {
  if (open_) db_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  if (!open_) return;
  db_.execute("COMMIT");
  open_ = false;
  if (db_.moved())
    throw DbError(DbError::Kind::failed, db_.name() + " was moved or deleted while it was in use",
                  "run the same command again");
}

}  // namespace ditune
