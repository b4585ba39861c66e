// Search engines elsewhere that keep collections: OpenSearch, Elasticsearch, Qdrant. docs/backends.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace eidetic {

// The backend that is no search engine but the data folder.
inline constexpr std::string_view kEmbeddedBackend = "embedded";

// A place that collections are kept in.
struct BackendPlace {
  std::string name;        // kEmbeddedBackend, or the URL of a search engine
  bool preferred = false;  // collections are made there that do not say it
};

struct ClusterOptions {
  // opensearch://host:9200, elasticsearch://host:9200 or qdrant://host:6333; with an "s" more (opensearchs://) over
  // TLS. A user may stand before the host, and a path after it: the prefix of all names there, "eidetic" where there is
  // none.
  std::string url;
  std::string password;                // of the user in the URL
  std::string api_key;                 // in place of user and password
  std::filesystem::path ca_file = {};  // PEM, to believe in place of the system's
  double timeout_s = 30;               // an exchange without a byte arriving
  // For how long a write waits for an engine that is down, slow or full before it fails, and with it the batch that it
  // is part of. Reads are tried twice more within their time-out.
  double wait_s = 60;
  unsigned parallel = 4;                              // bulk requests of one write at the same time
  std::uint64_t bulk_bytes = std::uint64_t{8} << 20;  // of one request, give or take one item
  unsigned shards = 1;                                // of new tables
  unsigned replicas = 1;                              // of new tables; copies beside the first
};

}  // namespace eidetic
