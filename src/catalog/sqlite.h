// SQLite as values and Results. Private to this room: nothing outside it includes this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "eidetic/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace eidetic {

class Database;

// A prepared statement, lent by its Database. Parameters are bound in order and have to live until the Statement is
// gone; the destructor resets it for the next use. Within one thread a statement is in use at most once at a time.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(std::span<const std::byte> blob);

  // True: a row is there; false: done. An error of bind comes out here too.
  [[nodiscard]] Result<bool> step();
  // For statements that give no rows, and where only the first row counts.
  [[nodiscard]] Result<void> run();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::span<const std::byte> blob(int column) const;  // until the next step

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement) noexcept : database_(&database), statement_(statement) {}

  Database* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int status_ = 0;  // of bind
};

// One connection: one thread at a time. Queries must not outlive it.
class Database {
 public:
  enum class Access { create, read };
  // corrupt: the file is no database. unavailable: cannot be opened, or disk full.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file, Access access);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Prepared once for each text; `sql` is a string literal (it is kept by address).
  [[nodiscard]] Result<Statement> query(const char* sql);
  // Any number of statements without parameters, rows dropped.
  [[nodiscard]] Result<void> execute(const std::string& sql);

  // Makes this the copy of another database, as that is now; others may write to it meanwhile.
  [[nodiscard]] Result<void> copy_from(Database& other);

  // Runs work() in one transaction: committed when it succeeds, rolled back when it or the commit fails.
  template <typename Work>
  [[nodiscard]] auto transaction(Work&& work) -> decltype(work()) {
    return transaction("BEGIN IMMEDIATE", std::forward<Work>(work));
  }
  // Runs work(), which only reads, on one state of the database: cheaper than each statement finding it anew.
  template <typename Work>
  [[nodiscard]] auto snapshot(Work&& work) -> decltype(work()) {
    return transaction("BEGIN", std::forward<Work>(work));
  }

  [[nodiscard]] std::int64_t last_insert_key() const;
  [[nodiscard]] std::int64_t changes() const;  // rows of the last insert, update or delete
  [[nodiscard]] std::unexpected<Error> error(int status) const;

 private:
  template <typename Work>
  [[nodiscard]] auto transaction(const char* begin, Work&& work) -> decltype(work()) {
    EIDETIC_CHECK(run(begin));
    auto result = work();
    if (result) {
      if (auto committed = run("COMMIT"); !committed) result = std::unexpected(std::move(committed).error());
    }
    if (!result) roll_back();
    return result;
  }

  // A statement without parameters, prepared once.
  [[nodiscard]] Result<void> run(const char* sql);

  Database(std::filesystem::path file, sqlite3* connection) noexcept;
  void roll_back();

  std::filesystem::path file_;
  sqlite3* connection_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace eidetic
