// A classifier for a collection without labels: its vectors are gathered into clusters, and a linear head learns which
// cluster a vector is of, as Z's simple_image_search_demo does it.
#pragma once

#include <cstdint>
#include <vector>

#include "learn/trainer.h"

namespace eidetic {

inline constexpr std::size_t kDefaultClusters = 10;

struct LearntClusters {
  Classifier classifier;  // of kind clusters; classes are named "0", "1", …
  LearnReport report;     // its accuracy is how often the head and the nearest centroid agree
  // The cluster of each row, by nearest centroid. Who keeps classes of items beside the classifier does better to keep
  // what classify() says of them: then a vector searched for is always of the class that it is kept under.
  std::vector<std::uint32_t> assigned;
};

// k-means (Lloyd 1982; begun as k-means++) on what the head sees: vectors of unit length, unless options say otherwise.
// There are at most `clusters`, numbered in the order of the first of their rows; fewer where vectors are alike.
// invalid_argument: fewer than 2 clusters or more than kMaxClasses, or fewer than two rows a cluster; and as learn().
[[nodiscard]] Result<LearntClusters> train_clusters(MatrixView features, std::size_t clusters = kDefaultClusters,
                                                    const LearnOptions& options = {});

}  // namespace eidetic
