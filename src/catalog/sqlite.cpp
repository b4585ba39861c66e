#include "catalog/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "catalog/catalog.h"

namespace eidetic {
namespace {

constexpr int kBusyTimeoutMs = 2000;

ErrorCode code_of(int status) noexcept {
  switch (status & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM: return ErrorCode::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::corrupt;
    case SQLITE_TOOBIG: return ErrorCode::invalid_argument;
    case SQLITE_NOMEM: return ErrorCode::overloaded;
    default: return ErrorCode::internal;
  }
}

std::unexpected<Error> sqlite_error(const std::filesystem::path& file, int status, int system_errno) {
  std::string reason = sqlite3_errstr(status);
  if (system_errno != 0) reason += fmt::format(" ({})", std::generic_category().message(system_errno));
  const ErrorCode code = code_of(status);
  if (code == ErrorCode::corrupt) {
    return fail(code, fmt::format("'{}' is damaged: {}; put a backup in its place, or move it away and index again",
                                  file.native(), reason));
  }
  if ((status & 0xFF) == SQLITE_FULL || system_errno == ENOSPC) {
    return fail(code,
                fmt::format("no room left on the disk of '{}'; nothing of this change was stored", file.native()));
  }
  if ((status & 0xFF) == SQLITE_BUSY) {
    return fail(code, fmt::format("another program holds '{}' locked; close it and try again", file.native()));
  }
  return fail(code, fmt::format("cannot use '{}': {}", file.native(), reason));
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      status_(other.status_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(std::int64_t value) {
  const int status = sqlite3_bind_int64(statement_, ++bound_, value);
  if (status_ == SQLITE_OK) status_ = status;
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  const int status = sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (status_ == SQLITE_OK) status_ = status;
  return *this;
}

Statement& Statement::bind(std::span<const std::byte> blob) {
  const int status = sqlite3_bind_blob64(statement_, ++bound_, blob.data(), blob.size(), SQLITE_STATIC);
  if (status_ == SQLITE_OK) status_ = status;
  return *this;
}

Result<bool> Statement::step() {
  if (status_ != SQLITE_OK) return database_->error(status_);
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return database_->error(status);
}

Result<void> Statement::run() {
  EIDETIC_CHECK(step());
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::byte> Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  return {bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Database(std::filesystem::path file, sqlite3* connection) noexcept
    : file_(std::move(file)), connection_(connection) {}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file, Access access) {
  const int flags = access == Access::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  sqlite3* connection = nullptr;
  const int status = sqlite3_open_v2(file.c_str(), &connection, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(file, connection));
  if (status != SQLITE_OK) return database->error(status);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  return database;
}

Result<Statement> Database::query(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    const int status = sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (status != SQLITE_OK) return error(status);
  }
  return Statement(*this, statement);
}

Result<void> Database::execute(const std::string& sql) {
  const int status = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return error(status);
  return {};
}

Result<void> Database::run(const char* sql) {
  EIDETIC_TRY(Statement statement, query(sql));
  return statement.run();
}

Result<void> Database::copy_from(Database& other) {
  sqlite3_backup* backup = sqlite3_backup_init(connection_, "main", other.connection_, "main");
  if (backup == nullptr) return error(sqlite3_errcode(connection_));
  // In one go, on one state of the other: step by step, every write to it would begin the copy anew.
  const int status = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (status != SQLITE_DONE) return error(status);
  return {};
}

void Database::roll_back() {
  // Some errors (disk full, I/O) have rolled back already.
  if (sqlite3_get_autocommit(connection_) == 0) {
    sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

std::int64_t Database::last_insert_key() const { return sqlite3_last_insert_rowid(connection_); }

std::int64_t Database::changes() const { return sqlite3_changes64(connection_); }

std::unexpected<Error> Database::error(int status) const {
  const bool of_the_system = (status & 0xFF) == SQLITE_IOERR || (status & 0xFF) == SQLITE_CANTOPEN;
  return sqlite_error(file_, status, of_the_system ? sqlite3_system_errno(connection_) : 0);
}

std::string database_library() { return fmt::format("SQLite {}", sqlite3_libversion()); }

}  // namespace eidetic
