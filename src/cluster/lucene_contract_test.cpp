// What every Backend has to do, on a real OpenSearch and a real Elasticsearch; see test_engines.h for where they are.
#include "backend/contract_items_test.h"
#include "backend/contract_metadata_test.h"
#include "backend/contract_parts_test.h"
#include "backend/contract_search_test.h"
#include "cluster/cluster_backend.h"
#include "cluster/test_engines.h"

namespace eidetic {
namespace {

struct OnAnEngine final : BackendHarness {
  explicit OnAnEngine(const TestEngineKind& kind) : prefix(kind), cluster(prefix.store()) {}
  Backend& backend() override { return cluster; }

  EnginePrefix prefix;
  ClusterBackend cluster;
};

std::vector<BackendUnderTest> engines() {
  std::vector<BackendUnderTest> all;
  for (const auto& kind : kTestEngines) {
    if (kind.host().empty()) continue;
    for (const std::string index : {"auto", "Flat", "HNSW16"}) {
      if (index == "Flat" && kind.scheme == "opensearch") continue;  // asked for as a small "auto" is

      all.push_back({kind.name + "_" + index, index, [kind] { return std::make_unique<OnAnEngine>(kind); }});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Lucene, BackendContract, testing::ValuesIn(engines()), backend_test_name);
INSTANTIATE_TEST_SUITE_P(Lucene, BackendMetadata, testing::ValuesIn(engines()), backend_test_name);
INSTANTIATE_TEST_SUITE_P(Lucene, PartsContract, testing::ValuesIn(engines()), backend_test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendMetadata);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PartsContract);

}  // namespace
}  // namespace eidetic
