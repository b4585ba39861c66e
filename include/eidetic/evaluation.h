// How well vectors tell classes apart: the answers of Engine::evaluate.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eidetic {

// In place of a metadata field: the first folder of the item's id ("cats/1.jpg": "cats").
inline constexpr std::string_view kFolderLabel = "@folder";

// Of a query with R others of its class, by their ranks; 0 to 1. Musgrave et al. 2020, "A Metric Learning Reality
// Check", has the definitions.
struct RetrievalMeasures {
  double p_at_1 = 0;       // whether the first is of its class
  double p_at_10 = 0;      // the share of its class in the first ten
  double r_precision = 0;  // and in the first R
  double map = 0;          // mean precision at each of the R, over the full ranking
  double map_at_r = 0;     // precision at each of those within the first R, over R
  double mrr = 0;          // 1 / rank of the first of its class
};

// All of them, as they are spelt in JSON and CSV.
inline constexpr std::array<std::pair<std::string_view, double RetrievalMeasures::*>, 6> kRetrievalMeasures = {{
    {"p_at_1", &RetrievalMeasures::p_at_1},
    {"p_at_10", &RetrievalMeasures::p_at_10},
    {"r_precision", &RetrievalMeasures::r_precision},
    {"map", &RetrievalMeasures::map},
    {"map_at_r", &RetrievalMeasures::map_at_r},
    {"mrr", &RetrievalMeasures::mrr},
}};

// Leave-one-out over all items that have the label: each one's nearest among the others, exactly ranked.
struct EvalReport {
  std::string label;             // metadata field, or kFolderLabel
  std::uint64_t queries = 0;     // labelled items whose class has another item
  std::uint64_t classes = 0;     // distinct labels
  std::uint64_t unlabelled = 0;  // items left out: no such field, or an empty one
  RetrievalMeasures mean;        // over the queries
  // Half of the 95 % confidence interval of each mean: 1.96 standard errors, queries taken as independent.
  RetrievalMeasures margin;
  std::vector<std::pair<std::uint32_t, double>> recall_at;  // k -> share of the class's other items in the first k
  // Of k-means into as many clusters as classes, against the classes: mutual information, normalised by the mean of
  // both entropies, and adjusted for chance as well (Vinh et al. 2010). 0 where there is one class.
  double nmi = 0, ami = 0;
  struct Class {
    std::string name;
    std::uint64_t queries = 0;
    RetrievalMeasures mean;
  };
  std::vector<Class> by_class;  // the worst MAP@R first, kMaxToldClasses of them
};
inline constexpr std::size_t kMaxToldClasses = 10'000;

}  // namespace eidetic
