#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>

#include "backend/embedded.h"
#include "base/test_files.h"
#include "base/threads.h"

namespace eidetic {
namespace {

constexpr int kItems = 1500;
constexpr int kGroups = 5;
constexpr std::uint32_t kDimensions = 24;

class InspectionTest : public testing::TestWithParam<std::string> {
 protected:
  InspectionTest() {
    EmbeddedOptions options;
    options.data_dir = folder_.path();
    options.pool = &pool_;
    backend_ = open_embedded_backend(options).value();
    CollectionSpec spec;
    spec.name = "c";
    spec.space.dimensions = kDimensions;
    spec.index = GetParam();
    if (!backend_->create(spec)) std::abort();
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<Vector> centres(kGroups, Vector(kDimensions));
    for (auto& centre : centres) {
      for (float& value : centre) value = 4 * normal(random);
    }
    std::vector<Item> items;
    for (int i = 0; i < kItems; ++i) {
      Item& item = items.emplace_back();
      item.id = "g" + std::to_string(i % kGroups) + "/" + std::to_string(i);
      item.vector = centres[static_cast<std::size_t>(i % kGroups)];
      for (float& value : item.vector) value += normal(random);
    }
    vector_ = items[7].vector;
    if (!backend_->upsert("c", items) || !backend_->flush()) std::abort();
    if (!backend_->erase("c", std::vector<std::string>{items[0].id, items[1].id})) std::abort();
  }

  [[nodiscard]] bool has(const char* part) const { return GetParam().contains(part); }
  // Of the points with five others of the map nearest to them, the share of these that is of the same group.
  static double together(const CollectionMap& map) {
    int same = 0;
    for (const auto& point : map.points) {
      std::vector<const CollectionMap::Point*> others;
      for (const auto& other : map.points) {
        if (&other != &point) others.push_back(&other);
      }
      const auto distance = [&](const CollectionMap::Point* other) {
        return std::hypot(point.place.x - other->place.x, point.place.y - other->place.y);
      };
      std::ranges::partial_sort(others, others.begin() + 5, {}, distance);
      for (int i = 0; i < 5; ++i) same += others[static_cast<std::size_t>(i)]->id.starts_with(point.id.substr(0, 2));
    }
    return same / (5.0 * static_cast<double>(map.points.size()));
  }

  TemporaryDirectory folder_;
  ThreadPool pool_{2};
  std::unique_ptr<Backend> backend_;
  Vector vector_;  // of item g2/7
};

TEST_P(InspectionTest, AnIndexShowsItsParts) {
  const auto view = backend_->inspect("c").value();
  EXPECT_EQ(view.kind, GetParam());
  EXPECT_EQ(view.items, kItems - 2U);
  EXPECT_EQ(view.cells.size(), has("IVF") ? 8U : 0U);
  std::uint64_t in_cells = 0;
  for (const auto& cell : view.cells) {
    in_cells += cell.items;
    EXPECT_GE(cell.radius, cell.mean_distance);
  }
  EXPECT_EQ(in_cells, has("IVF") ? view.items : 0U);
  EXPECT_EQ(view.layers.empty(), !has("HNSW"));
  EXPECT_EQ(view.nodes.size(), has("HNSW") ? view.layers[0].items : 0U);  // fewer than 2,000: all of them
  std::map<std::uint32_t, std::uint64_t> in_layer;
  for (const auto& node : view.nodes) {
    EXPECT_FALSE(node.id.empty());
    for (std::uint32_t layer = 0; layer <= node.layer; ++layer) ++in_layer[layer];
  }
  for (std::uint32_t layer = 0; layer < view.layers.size(); ++layer) {
    EXPECT_EQ(in_layer[layer], view.layers[layer].items);
  }
  for (const auto& link : view.links) {
    ASSERT_LT(link.from, view.nodes.size());
    ASSERT_LT(link.to, view.nodes.size());
    EXPECT_LE(link.layer, std::min(view.nodes[link.from].layer, view.nodes[link.to].layer));
  }
}

TEST_P(InspectionTest, AWalkIsTheSearchItTellsOf) {
  const VectorQuery query = {.vector = vector_, .k = 5, .exclude_ids = {"g2/12"}, .depth = {}};
  const auto hits = backend_->search("c", query).value();
  const auto walk = backend_->walk("c", query).value();
  EXPECT_EQ(walk.kind, GetParam());
  ASSERT_EQ(walk.hits.size(), 5U);
  for (std::size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(walk.hits[i].id, hits[i].id);
  EXPECT_EQ(walk.hits[0].id, "g2/7");
  EXPECT_EQ(walk.steps.empty(), !has("HNSW"));
  EXPECT_EQ(walk.visits.size(), has("IVF") ? 8U : 0U);
  std::set<std::uint32_t> reached;
  for (const auto& step : walk.steps) {
    ASSERT_LT(step.node, walk.nodes.size());
    EXPECT_TRUE(step.from == step.node || reached.contains(step.from));
    reached.insert(step.node);
  }
  ASSERT_FALSE(walk.candidates.empty());
  std::map<std::uint32_t, std::string> ranked;
  for (const auto& candidate : walk.candidates) {
    ASSERT_LT(candidate.node, walk.nodes.size());
    EXPECT_NE(walk.nodes[candidate.node].id, "g2/12");
    if (candidate.rank != 0) ranked[candidate.rank] = walk.nodes[candidate.node].id;
  }
  ASSERT_EQ(ranked.size(), 5U);
  for (std::uint32_t rank = 1; rank <= 5; ++rank) EXPECT_EQ(ranked[rank], hits[rank - 1].id);
  // The query is the item g2/7 itself.
  const auto self = std::ranges::find(walk.nodes, "g2/7", &SearchWalk::Node::id);
  ASSERT_NE(self, walk.nodes.end());
  EXPECT_NEAR(walk.query.x, self->place.x, 1e-4);
  EXPECT_NEAR(walk.query.y, self->place.y, 1e-4);
}

TEST_P(InspectionTest, AMapShowsWhoIsNearWhom) {
  for (const MapMethod method : {MapMethod::pca, MapMethod::umap}) {
    MapRequest request;
    request.method = method;
    const auto map = backend_->map("c", request).value();
    EXPECT_EQ(map.items, kItems - 2U);
    EXPECT_EQ(map.points.size(), map.items);
    EXPECT_TRUE(std::ranges::is_sorted(map.points, {}, &CollectionMap::Point::id));
    EXPECT_GT(together(map), method == MapMethod::umap ? .99 : .6);
    EXPECT_EQ(map.explained_variance > 0, method == MapMethod::pca);
    for (const auto& point : map.points) EXPECT_EQ(point.cell == kNoCell, !has("IVF"));

    request.limit = 200;
    const auto few = backend_->map("c", request).value();
    EXPECT_EQ(few.items, kItems - 2U);
    EXPECT_EQ(few.points.size(), 200U);
    EXPECT_GT(together(few), method == MapMethod::umap ? .95 : .6);
    const auto again = backend_->map("c", request).value();
    for (std::size_t i = 0; i < few.points.size(); ++i) {
      EXPECT_EQ(few.points[i].id, again.points[i].id);
      EXPECT_EQ(few.points[i].place.x, again.points[i].place.x);
    }
    request.seed = 2;
    const auto other = backend_->map("c", request).value();
    EXPECT_FALSE(
        std::ranges::equal(few.points, other.points, {}, &CollectionMap::Point::id, &CollectionMap::Point::id));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, InspectionTest, testing::Values("Flat", "HNSW16", "IVF8,SQ8", "PCA8,IVF8,PQ4"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, ',', '_');
                           return name;
                         });

TEST(Inspection, TakesEmptyAndTinyCollectionsAndRefusesWrongRequests) {
  const TemporaryDirectory folder;
  ThreadPool pool(2);
  EmbeddedOptions options;
  options.data_dir = folder.path();
  options.pool = &pool;
  const auto backend = open_embedded_backend(options).value();
  CollectionSpec spec;
  spec.name = "c";
  spec.space.dimensions = 3;
  ASSERT_TRUE(backend->create(spec));
  const VectorQuery query = {.vector = {1, 2, 3}, .k = 5, .exclude_ids = {}, .depth = {}};
  MapRequest umap;
  umap.method = MapMethod::umap;
  EXPECT_TRUE(backend->map("c", umap)->points.empty());
  EXPECT_EQ(backend->inspect("c")->items, 0U);
  EXPECT_TRUE(backend->walk("c", query)->hits.empty());
  for (int items = 1; items <= 4; ++items) {
    Item item;
    item.id = std::to_string(items);
    item.vector = {1, 2, static_cast<float>(items)};
    ASSERT_TRUE(backend->upsert("c", std::vector{item}));
    EXPECT_EQ(backend->map("c", umap)->points.size(), static_cast<std::size_t>(items));
    EXPECT_EQ(backend->map("c", {})->points.size(), static_cast<std::size_t>(items));
    EXPECT_EQ(backend->walk("c", query)->hits.size(), static_cast<std::size_t>(items));
  }
  for (const auto& [limit, neighbors] : {std::pair{0U, 15U}, {kMaxMapItems + 1, 15U}, {10U, 1U}, {10U, 201U}}) {
    MapRequest wrong;
    wrong.limit = limit;
    wrong.neighbors = neighbors;
    EXPECT_EQ(backend->map("c", wrong).error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(backend->inspect("nobody").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend->walk("nobody", query).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend->map("nobody", {}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace eidetic
