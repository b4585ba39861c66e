#include "cluster/cluster.h"

#include <fmt/format.h>

#include <utility>

#include "cluster/cluster_backend.h"

namespace eidetic {
namespace {

Result<void> check(const ClusterOptions& options, const ClusterAddress& address) {
  if (!options.password.empty() && address.user.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there is a password for {}, and its URL names no user: write {}://USER@…", address.name,
                            address.name.substr(0, address.name.find(':'))));
  }
  if (options.shards < 1 || options.shards > 1024 || options.replicas > 16) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} shards and {} replicas; 1 to 1024 and 0 to 16 are possible", options.shards, options.replicas));
  }
  return {};
}

}  // namespace

std::unique_ptr<Backend> make_cluster_backend(std::unique_ptr<DocumentStore> store) {
  return std::make_unique<ClusterBackend>(std::move(store));
}

Result<std::unique_ptr<Backend>> open_cluster_backend(const ClusterOptions& options) {
  EIDETIC_TRY(auto address, parse_cluster_url(options.url));
  EIDETIC_CHECK(check(options, address));
  const ClusterKind kind = address.kind;
  EngineHttp engine(options, std::move(address));
  switch (kind) {
    case ClusterKind::opensearch: return make_cluster_backend(make_opensearch_store(std::move(engine)));
    case ClusterKind::elasticsearch: return make_cluster_backend(make_elasticsearch_store(std::move(engine)));
    case ClusterKind::qdrant: return make_cluster_backend(make_qdrant_store(std::move(engine)));
  }
  return fail(ErrorCode::internal, "an engine of no kind");
}

}  // namespace eidetic
