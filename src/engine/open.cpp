// The one place that names the concrete classes behind Engine.
#include "eidetic/engine.h"

#include "backend/embedded.h"
#include "base/file.h"
#include "blobs/router.h"
#include "engine/core.h"
#include "engine/transfer.h"

namespace eidetic {

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  if (options.data_dir.empty()) return fail(ErrorCode::invalid_argument, "no data folder is given");
  EIDETIC_CHECK(make_directories(options.data_dir));
  CoreParts parts;
  parts.options = options;
  parts.pool = std::make_unique<ThreadPool>(options.threads);
  EIDETIC_TRY(parts.backend, open_embedded_backend({.data_dir = options.data_dir, .pool = parts.pool.get()}));
  EIDETIC_CHECK(drop_cut_off_imports(*parts.backend));
  BlobsOptions blobs;
  blobs.http.total_timeout_s = options.fetch_timeout_s;
  parts.blobs = make_blobs(blobs);
  return std::make_unique<Core>(std::move(parts));
}

}  // namespace eidetic
