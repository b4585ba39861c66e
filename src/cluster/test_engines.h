// For tests of stores on real servers: where they are, and prefixes that are taken away again.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/cluster.h"
#include "cluster/engine_http.h"

namespace eidetic {

// One of the engines on Lucene, at the URL that a variable of the environment has: EIDETIC_TEST_OPENSEARCH or
// EIDETIC_TEST_ELASTICSEARCH, "http://127.0.0.1:9200".
struct TestEngineKind {
  std::string name;      // "OpenSearch"
  std::string scheme;    // "opensearch"
  const char* variable;  // where its URL is

  [[nodiscard]] std::string host() const {
    const char* const url = std::getenv(variable);
    std::string text = url == nullptr ? "" : url;
    if (text.starts_with("http://")) text.erase(0, 7);
    while (text.ends_with('/')) text.pop_back();
    return text;
  }
  friend void PrintTo(const TestEngineKind& kind, std::ostream* out) { *out << kind.name; }
};
inline const std::vector<TestEngineKind> kTestEngines = {
    {"OpenSearch", "opensearch", "EIDETIC_TEST_OPENSEARCH"},
    {"Elasticsearch", "elasticsearch", "EIDETIC_TEST_ELASTICSEARCH"}};

// A prefix of its own on one engine; what was made under it goes with the object.
class EnginePrefix {
 public:
  explicit EnginePrefix(const TestEngineKind& kind) {
    std::random_device random;
    options_.url = fmt::format("{}://{}/test-{:08x}{:08x}", kind.scheme, kind.host(), random(), random());
    options_.replicas = 0;
  }
  EnginePrefix(const EnginePrefix&) = delete;
  EnginePrefix& operator=(const EnginePrefix&) = delete;
  ~EnginePrefix() {
    const auto there = ask("GET", fmt::format("/{}-*/_settings?filter_path=*.settings.index.uuid", prefix()));
    if (!there.body.is_object()) return;
    for (const auto& [index, settings] : there.body.items()) ask("DELETE", "/" + index);
  }

  [[nodiscard]] ClusterOptions& options() { return options_; }
  [[nodiscard]] std::string prefix() const { return parse_cluster_url(options_.url)->prefix; }
  [[nodiscard]] EngineHttp http() const { return {options_, parse_cluster_url(options_.url).value()}; }
  [[nodiscard]] std::unique_ptr<DocumentStore> store() const {
    auto engine = http();
    return engine.address().kind == ClusterKind::opensearch ? make_opensearch_store(std::move(engine))
                                                            : make_elasticsearch_store(std::move(engine));
  }
  // Asks the engine itself.
  EngineHttp::Answer ask(const std::string& method, const std::string& path, const std::string& body = {}) const {
    auto answer = http().exchange({.method = method, .path = path, .body = body});
    EXPECT_TRUE(answer) << answer.error().message;
    return std::move(answer).value_or(EngineHttp::Answer());
  }

 private:
  ClusterOptions options_;
};

}  // namespace eidetic
