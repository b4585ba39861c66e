#include "catalog/connections.h"

#include <utility>

namespace eidetic {

Result<std::unique_ptr<Connections>> Connections::open(const std::filesystem::path& file, const Schema& schema) {
  EIDETIC_TRY(auto writer, Database::open(file, Database::Access::create));
  EIDETIC_CHECK(prepare_schema(*writer, file, schema));
  return std::unique_ptr<Connections>(new Connections(file, std::move(writer)));
}

Result<Connections::Reader> Connections::reader() {
  {
    const std::scoped_lock lock(idle_mutex_);
    if (!idle_.empty()) {
      auto database = std::move(idle_.back());
      idle_.pop_back();
      return Reader(*this, std::move(database));
    }
  }
  EIDETIC_TRY(auto database, Database::open(file_, Database::Access::read));
  EIDETIC_CHECK(database->execute("PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF"));
  return Reader(*this, std::move(database));
}

void Connections::give_back(std::unique_ptr<Database> database) {
  constexpr std::size_t kMaxIdleReaders = 16;
  const std::scoped_lock lock(idle_mutex_);
  if (idle_.size() < kMaxIdleReaders) idle_.push_back(std::move(database));
}

Result<void> Connections::backup_to(const std::filesystem::path& file) {
  EIDETIC_TRY(const auto from, reader());
  EIDETIC_TRY(const auto to, Database::open(file, Database::Access::create));
  return to->copy_from(*from);
}

}  // namespace eidetic
