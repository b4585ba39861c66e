// What tests of stores on a real OpenSearch and a real Elasticsearch have in common; see test_engines.h for where these
// are.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/lucene_document.h"
#include "cluster/test_engines.h"
#include "cluster/test_tables.h"

namespace eidetic {

class LuceneStores : public testing::TestWithParam<TestEngineKind> {
 protected:
  void SetUp() override {
    if (GetParam().host().empty()) {
      GTEST_SKIP() << GetParam().variable << " names no " << GetParam().name << " to test with (make test-servers)";
    }
    prefix_ = std::make_unique<EnginePrefix>(GetParam());
    store_ = prefix_->store();
  }
  static VectorField field(std::uint32_t dimensions = 4, Metric metric = Metric::cosine, std::string index = "auto",
                           std::string name = "v0") {
    VectorField made = table_field(std::move(name), metric, std::move(index));
    made.space.dimensions = dimensions;
    return made;
  }
  void put(const std::vector<Item>& items, const VectorField& into, std::uint64_t version = 1) {
    const auto results = store().put("t", into, items, version);
    ASSERT_TRUE(results) << results.error().message;
    for (const auto& result : *results) EXPECT_TRUE(result) << result.error().message;
    ASSERT_TRUE(store().refresh("t"));
  }
  std::string index_name(std::string_view table = "t") { return lucene_alias(prefix_->prefix(), table) + ".1"; }
  DocumentStore& store() { return *store_; }
  EnginePrefix& prefix() { return *prefix_; }

 private:
  std::unique_ptr<EnginePrefix> prefix_;
  std::unique_ptr<DocumentStore> store_;
};

}  // namespace eidetic
