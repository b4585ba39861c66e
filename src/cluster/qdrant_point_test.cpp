#include "cluster/qdrant_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cluster/qdrant_index.h"
#include "cluster/test_tables.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

TEST(QdrantPoint, GivesItemsBackAsTheyWere) {
  Item item = table_item("ordner/é", {1, 2, -3e-7F, 0.1F}, R"({"label": "Ä\u0000", "n":[1,2.50]})");
  item.uri = "file:///a";
  item.content_hash = "abc";
  item.size_bytes = UINT64_MAX;
  item.modified_ns = -1;
  const auto field = table_field();
  const auto got = qdrant_item(Json::parse(qdrant_point(item, field, 1'795'381'755'546'000'001)), &field).value();
  EXPECT_EQ(got.version, 1'795'381'755'546'000'001U);
  EXPECT_EQ(got.id, item.id);
  EXPECT_EQ(got.uri, item.uri);
  EXPECT_EQ(got.content_hash, item.content_hash);
  EXPECT_EQ(got.size_bytes, item.size_bytes);
  EXPECT_EQ(got.modified_ns, item.modified_ns);
  EXPECT_EQ(got.metadata, item.metadata);
  EXPECT_EQ(got.vector, item.vector);
}

TEST(QdrantPoint, KeepsVectorsThatQdrantWouldChange) {
  const Vector longer = {1, 2, 3, 4};
  const Vector unit = {0.5F, 0.5F, 0.5F, 0.5F};
  EXPECT_FALSE(qdrant_raw(table_field(), longer).empty());
  EXPECT_TRUE(qdrant_raw(table_field(), unit).empty());
  EXPECT_TRUE(qdrant_raw(table_field("v0", Metric::dot), longer).empty());
  // As Qdrant gives a point back, with its vector at length 1.
  const auto field = table_field();
  Json point = Json::parse(qdrant_point(table_item("a", longer), field, 1));
  point["vector"]["v0"] = {0.18257418F, 0.36514837F, 0.5477225F, 0.73029673F};
  EXPECT_EQ(qdrant_item(point, &field)->vector, longer);
  point["vector"].erase("v0");
  EXPECT_TRUE(qdrant_item(point, &field)->vector.empty()) << "what is beside a vector is none";
}

TEST(QdrantPoint, WritesEveryFloatSoThatItIsReadAgain) {
  std::mt19937 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const auto read = Json::parse(qdrant_numbers(std::span(&value, 1)))[0].get<double>();
    ASSERT_EQ(static_cast<float>(read), value);
  }
}

TEST(QdrantPoint, RefusesWhatIsNoItem) {
  for (const char* const text : {"3", "{}", R"({"id":7,"payload":{"id":"a"}})", R"({"id":7,"payload":{"id":7}})"}) {
    const auto got = qdrant_item(Json::parse(text), nullptr);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, ErrorCode::conflict);
  }
}

TEST(QdrantIndex, KnowsFactoryStringsThatQdrantHasAnEquivalentOf) {
  Space space;
  space.dimensions = 64;
  const auto checked = [&](std::string_view index) { return check_qdrant_index(index, space).value_or("refused"); };
  for (const char* const same :
       {"auto", "Flat", "HNSW16", "HNSW32:200", "SQ8", "PQ16", "HNSW16,SQ8", "HNSW16:64,PQ4"}) {
    EXPECT_EQ(checked(same), same);
  }
  EXPECT_EQ(checked("HNSW16,Flat"), "HNSW16");
  EXPECT_EQ(checked("PQ16x8"), "PQ16");
  for (const char* const other : {"", "IVF100,SQ8", "PQ3", "PQ2", "PQ16x4", "PCA16,SQ8", "OPQ8,PQ8", "HNSW16,", "HNSW2",
                                  "HNSW16,IVF4,SQ8", "Flatt"}) {
    const auto got = check_qdrant_index(other, space);
    ASSERT_FALSE(got) << other;
    EXPECT_EQ(got.error().code, ErrorCode::invalid_argument) << other;
  }
  EXPECT_THAT(check_qdrant_index("IVF100,SQ8", space).error().message, HasSubstr("PQ64, PQ32, PQ16, PQ8, PQ4"));
  EXPECT_EQ(dump_json(qdrant_vector_params("HNSW16:64,PQ8", space)),
            R"({"hnsw_config":{"ef_construct":64,"m":16},"quantization_config":{"product":{"always_ram":true,)"
            R"("compression":"x32"}}})");
  EXPECT_EQ(dump_json(qdrant_vector_params("Flat", space)), R"({"hnsw_config":{"m":0}})");
  EXPECT_EQ(dump_json(qdrant_search_params("SQ8", {.rescore = 50}, 10)),
            R"({"quantization":{"oversampling":5.0,"rescore":true}})");
  EXPECT_EQ(dump_json(qdrant_search_params("HNSW16", {.ef = 99}, 10)), R"({"hnsw_ef":99})");
  EXPECT_EQ(dump_json(qdrant_search_params("Flat", {.ef = 99}, 10)), R"({"exact":true})");
}

}  // namespace
}  // namespace eidetic
