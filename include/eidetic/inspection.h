// How a collection's index is built, how one search went through it, and where items lie beside each other: data for
// pictures. Every place in a plane is in units of its own; only which points are near which means anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/item.h"
#include "eidetic/vector_index.h"

namespace eidetic {

struct PlanePoint {
  float x = 0;
  float y = 0;
};

// How an index is built up, as of one moment; see IndexAnatomy.
struct IndexView {
  struct Cell {
    std::uint64_t items = 0;
    double mean_distance = 0;  // of them from the centroid, in the space that is searched
    double radius = 0;         // the largest of these
    PlanePoint place;          // of the centroid: first two principal components of all centroids
  };
  struct Layer {
    std::uint64_t items = 0;
    double mean_links = 0;  // an item
  };
  struct Node {
    std::string id;
    std::uint32_t layer = 0;  // the highest that it is in; it is in all below too
    PlanePoint place;         // first two principal components of the nodes
  };
  struct Link {
    std::uint32_t from = 0;  // places in `nodes`
    std::uint32_t to = 0;
    std::uint32_t layer = 0;
  };
  std::string kind;
  std::uint64_t items = 0;
  std::uint32_t dimensions = 0;  // of the space that is searched
  std::vector<Cell> cells;       // of an index with cells, by their numbers
  std::vector<Layer> layers;     // of a graph, the lowest first
  std::vector<Node> nodes;       // of a graph's highest layers, as many whole layers as have at most 2,000 items
  std::vector<Link> links;       // between these
};

// What one search did; see SearchTrace.
struct SearchWalk {
  struct Node {  // an item that was looked at
    std::string id;
    PlanePoint place;  // first two principal components of the nodes
  };
  struct Step {
    std::uint32_t node = 0;  // places in `nodes`
    std::uint32_t from = 0;
    std::uint32_t layer = 0;
    double similarity = 0;
  };
  struct Visit {
    std::uint32_t cell = 0;
    double distance = 0;
    std::uint64_t items = 0;  // in it, those that were removed since too
  };
  struct Candidate {
    std::uint32_t node = 0;
    double estimate = 0;     // similarity by codes; of an exact index no less than the true one
    double similarity = 0;   // by full precision
    std::uint32_t rank = 0;  // among the hits, from 1; 0: it is none
  };
  std::string kind;
  PlanePoint query;  // its place among the nodes
  std::vector<Node> nodes;
  std::vector<Step> steps;            // of a graph, in the order of the walk
  std::vector<Visit> visits;          // of cells, in the order of their visit
  std::vector<Candidate> candidates;  // best estimate first
  bool scanned = false;               // a graph's walk did not find enough, and all items were compared
  std::vector<Hit> hits;
};

enum class MapMethod {
  pca,  // first two principal components (Pearson 1901)
  umap  // UMAP (McInnes, Healy, Melville 2018): keeps who is near whom
};
[[nodiscard]] std::string_view to_string(MapMethod method) noexcept;
[[nodiscard]] Result<MapMethod> parse_map_method(std::string_view name);

struct MapRequest {
  MapMethod method = MapMethod::pca;
  std::uint32_t limit = 2000;    // items on the map, 1 to kMaxMapItems; of a larger collection a sample
  std::uint32_t neighbors = 15;  // UMAP: of each item, 2 to kMaxMapNeighbors; more show the whole, fewer what is near
  std::uint64_t seed = 1;        // the same request of the same collection gives the same map
  std::string label = {};        // metadata field, or kFolderLabel, to label the points with; empty: none
};
inline constexpr std::uint32_t kMaxMapItems = 200'000;
inline constexpr std::uint32_t kMaxMapNeighbors = 200;

struct CollectionMap {
  struct Point {
    std::string id;
    PlanePoint place;
    std::uint32_t cell = kNoCell;  // of an index with cells
    std::uint32_t layer = 0;       // of a graph: the highest that it is in, of those that IndexView::nodes tell of
    std::string label;             // empty: none
  };
  MapMethod method = MapMethod::pca;
  std::string kind;               // of the index
  std::uint64_t items = 0;        // of the collection
  double explained_variance = 0;  // PCA: the share of all variance that the map shows; else 0
  std::vector<Point> points;      // by id
};

}  // namespace eidetic
