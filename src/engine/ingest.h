// The way of pictures into a collection: list -> check -> (read -> decode -> preprocess -> inference) -> commit.
//
// The four stages in brackets run on worker threads, each taking one picture all the way, more workers than the
// embedder has streams so that one decodes while another waits for its turn. Finished pictures meet in a bounded queue;
// the calling thread takes them out and commits them in batches.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "eidetic/backend.h"
#include "eidetic/blobs.h"
#include "eidetic/embedder.h"
#include "eidetic/engine.h"

#include "engine/copies.h"
#include "engine/learnt.h"
#include "engine/regions.h"
#include "s3/client.h"

namespace eidetic {

struct IngestParts {
  Backend& backend;
  const Blobs& blobs;
  const S3Client& s3;
  const Embedder& embedder;
  DecodeOptions decode;
  std::mutex* writing = nullptr;  // where set, held over each commit
  // Where set: the classes that items have, as of now.
  std::function<Result<ItemClasses>()> classes = {};
  // Where set: which regions pictures have, as of now.
  std::function<Result<RegionPlan>()> regions = {};
  std::optional<CopyParts> copies = {};  // needed unless request.on_duplicate is store
  std::uint64_t era = 0;  // of the collection, which the embedder is of: in another one nothing is stored
};

// Engine::index for a collection of the embedder's space. What a run has stored stays stored, whatever ends it. Errors:
// those of the request (paths, metadata file, batch), and of the backend as a whole (disk full).
[[nodiscard]] Result<IndexReport> ingest(const IngestParts& parts, std::string_view collection,
                                         const IndexRequest& request,
                                         const std::function<void(const IndexProgress&)>& progress,
                                         const std::stop_token& stop);

}  // namespace eidetic
