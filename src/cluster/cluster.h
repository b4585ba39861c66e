// Collections in a search engine that runs elsewhere: OpenSearch, Elasticsearch or Qdrant. All that a collection is
// lives there (docs/backends.md), so that any number of processes work on the same collections.
#pragma once

#include <memory>

#include "eidetic/backend.h"
#include "eidetic/error.h"

#include "cluster/document_store.h"
#include "cluster/engine_http.h"

namespace eidetic {

// Asks nobody: an engine that is down fails each verb, until it is up. invalid_argument: a bad URL or option.
[[nodiscard]] Result<std::unique_ptr<Backend>> open_cluster_backend(const ClusterOptions& options);
// The same over a store that is given.
[[nodiscard]] std::unique_ptr<Backend> make_cluster_backend(std::unique_ptr<DocumentStore> store);

// One an engine; engine.address().kind is its own.
[[nodiscard]] std::unique_ptr<DocumentStore> make_opensearch_store(EngineHttp engine);
[[nodiscard]] std::unique_ptr<DocumentStore> make_elasticsearch_store(EngineHttp engine);
[[nodiscard]] std::unique_ptr<DocumentStore> make_qdrant_store(EngineHttp engine);

}  // namespace eidetic
