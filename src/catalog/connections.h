// The connections to one database file: one that writes, and as many that read as there are readers at the same time.
// Private to this room; thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "eidetic/error.h"

#include "catalog/schema.h"
#include "catalog/sqlite.h"

namespace eidetic {

class Connections {
 public:
  // Made if it is not there. Errors: those of prepare_schema.
  [[nodiscard]] static Result<std::unique_ptr<Connections>> open(const std::filesystem::path& file,
                                                                 const Schema& schema);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  struct Writer {
    std::unique_lock<std::mutex> lock;
    Database* database;
    Database* operator->() const noexcept { return database; }
    Database& operator*() const noexcept { return *database; }
  };

  // A reading connection, given back when this goes.
  class Reader {
   public:
    Reader(Connections& home, std::unique_ptr<Database> database) noexcept
        : home_(&home), database_(std::move(database)) {}
    Reader(Reader&&) noexcept = default;
    Reader& operator=(Reader&&) = delete;
    ~Reader() {
      if (database_ != nullptr) home_->give_back(std::move(database_));
    }
    Database& operator*() const noexcept { return *database_; }
    Database* operator->() const noexcept { return database_.get(); }

   private:
    Connections* home_;
    std::unique_ptr<Database> database_;
  };

  [[nodiscard]] Writer writer() { return {std::unique_lock(writing_), writer_.get()}; }
  [[nodiscard]] Result<Reader> reader();
  // A copy as of now into a new file, while reading and writing go on.
  [[nodiscard]] Result<void> backup_to(const std::filesystem::path& file);

 private:
  Connections(std::filesystem::path file, std::unique_ptr<Database> writer) noexcept
      : file_(std::move(file)), writer_(std::move(writer)) {}
  void give_back(std::unique_ptr<Database> database);

  const std::filesystem::path file_;
  std::mutex writing_;
  // Outlives the readers below: the last connection that closes tidies the log.
  const std::unique_ptr<Database> writer_;
  std::mutex idle_mutex_;
  std::vector<std::unique_ptr<Database>> idle_;
};

}  // namespace eidetic
