// The one place that names the concrete classes behind Engine.
#include "eidetic/engine.h"

#include "backend/embedded.h"
#include "base/file.h"
#include "blobs/router.h"
#include "engine/core.h"
#include "engine/s3_store.h"
#include "engine/transfer.h"
#include "net/address.h"

namespace eidetic {

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  if (options.data_dir.empty()) return fail(ErrorCode::invalid_argument, "no data folder is given");
  EIDETIC_CHECK(make_directories(options.data_dir));
  CoreParts parts;
  parts.options = options;
  parts.pool = std::make_unique<ThreadPool>(options.threads);
  EIDETIC_TRY(auto embedded, open_embedded_backend({.data_dir = options.data_dir, .pool = parts.pool.get()}));
  // Only there: what is half imported elsewhere may be another process's work.
  EIDETIC_CHECK(drop_cut_off_imports(*embedded));
  EIDETIC_TRY(parts.backend, open_backends(options, std::move(embedded)));
  const auto& folder = options.data_dir;
  EIDETIC_TRY(parts.pictures, PictureStore::open(folder / "pictures.db"));
  EIDETIC_TRY(parts.jobs, JobStore::open(folder / "jobs.db"));
  parts.s3 = std::make_unique<S3Client>(options.s3 ? Result<S3Options>(*options.s3) : read_s3_options());
  EIDETIC_TRY(parts.s3_roots, S3Roots::of(options.s3_roots));
  const auto thumbnails = folder / "cache/thumbnails.db";
  if (options.store.empty()) {
    parts.thumbnails = std::make_unique<ContentCache>("thumbnail cache", thumbnails, options.thumbnail_cache_bytes);
  } else {
    EIDETIC_TRY(const auto store, open_s3_store(*parts.s3, options.store, folder));
    parts.pictures = s3_pictures(store, std::move(parts.pictures), *parts.pool);
    parts.thumbnails = std::make_unique<S3Thumbnails>(store, thumbnails, options.thumbnail_cache_bytes);
  }
  parts.features = std::make_unique<ContentCache>("cache of local features", folder / "cache/features.db",
                                                  options.feature_cache_bytes);
  parts.hashes = std::make_unique<HashCache>(folder / "cache/hashes.db");
  parts.roots = FileRoots(options.file_roots);
  parts.http.total_timeout_s = options.fetch_timeout_s;
  if (!options.private_urls) parts.http.guard = public_address;
  parts.blobs = make_blobs({.roots = parts.roots,
                            .http = parts.http,
                            .s3 = parts.s3.get(),
                            .s3_roots = parts.s3_roots,
                            .stored = [pictures = parts.pictures.get()](std::string_view hash, std::size_t max_bytes) {
                              return pictures->read(hash, max_bytes);
                            }});
  return std::make_unique<Core>(std::move(parts));
}

}  // namespace eidetic
