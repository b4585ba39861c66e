#include "engine/calibration_searches.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <span>
#include <utility>

#include "learn/labels.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 1000;
constexpr std::size_t kAtOnce = 100;     // searches
constexpr std::size_t kMostHits = 2000;  // of one: of labels with more items, strangers may not be met

class Searches {
 public:
  Searches(Backend& backend, const CollectionSpec& collection, const std::string& label)
      : backend_(backend), collection_(collection), labels_(label), labelled_(!label.empty()) {}

  Result<void> draw(std::size_t most, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::size_t seen = 0;
    std::string cursor;
    do {
      EIDETIC_TRY(auto page, backend_.scroll(collection_.name, cursor, kPage, false));
      cursor = std::move(page.next);
      for (Item& item : page.items) {
        EIDETIC_TRY(const auto label, label_of(item));
        if (labelled_ && label == kNoLabel) continue;
        ++of_label_[label];
        // Vitter's algorithm R
        std::size_t place = drawn_.size();
        if (place < most) {
          drawn_.push_back(std::move(item.id));
        } else {
          place = std::uniform_int_distribution<std::size_t>(0, seen)(random);
          if (place < most) drawn_[place] = std::move(item.id);
        }
        ++seen;
      }
    } while (!cursor.empty());
    if (labelled_ && seen == 0) return labels_.none(collection_.name);
    return {};
  }

  Result<std::vector<CalibrationCase>> run() {
    std::vector<CalibrationCase> cases;
    for (std::size_t first = 0; first < drawn_.size(); first += kAtOnce) {
      const auto some = std::span(drawn_).subspan(first, std::min(kAtOnce, drawn_.size() - first));
      EIDETIC_TRY(const auto items, backend_.get(collection_.name, some, true));
      std::vector<VectorQuery> queries;
      std::vector<std::uint32_t> labels;
      for (const auto& item : items) {
        if (!item) continue;  // deleted meanwhile
        EIDETIC_TRY(labels.emplace_back(), label_of(*item));
        queries.push_back(query_of(*item, labels.back()));
      }
      EIDETIC_TRY(const auto found, backend_.search(collection_.name, queries));
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (!found[i]) return std::unexpected(found[i].error());
        EIDETIC_TRY(cases.emplace_back(), case_of(queries[i].vector, labels[i], *found[i]));
      }
    }
    return cases;
  }

 private:
  Result<std::uint32_t> label_of(const Item& item) {
    if (!labelled_) return kNoLabel;
    EIDETIC_TRY(const auto number, labels_.number(item));
    return number.value_or(kNoLabel);
  }

  // With labels as deep as strangers are, behind all items of its own kind.
  VectorQuery query_of(const Item& item, std::uint32_t label) {
    const std::size_t k =
        labelled_ ? std::max(kCalibrationRanks, of_label_[label]) + kCalibrationRanks : kCalibrationReach;
    VectorQuery query;
    query.vector = item.vector;
    query.k = static_cast<std::uint32_t>(std::min(k, kMostHits));
    query.exclude_ids = {item.id};
    return query;
  }

  Result<CalibrationCase> case_of(const Vector& vector, std::uint32_t label, const std::vector<Hit>& hits) {
    CalibrationCase one;
    one.label = label;
    double squares = 0;
    for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
    one.query_length = std::sqrt(squares);
    for (const Hit& hit : hits) {
      if (!labelled_) {
        one.similarities.push_back(hit.similarity);
        continue;
      }
      Item item;
      item.id = hit.id;
      item.metadata = hit.metadata;
      EIDETIC_TRY(const auto its, label_of(item));
      if (its == kNoLabel) continue;
      if (one.similarities.size() < kCalibrationRanks) {
        one.similarities.push_back(hit.similarity);
        one.matches.push_back(its == label);
      }
      if (its != label && one.strangers.size() < kCalibrationRanks) one.strangers.push_back(hit.similarity);
    }
    return one;
  }

  Backend& backend_;
  const CollectionSpec& collection_;
  Labels labels_;
  const bool labelled_;
  std::map<std::uint32_t, std::size_t> of_label_;  // items
  std::vector<std::string> drawn_;                 // ids
};

}  // namespace

Result<std::vector<CalibrationCase>> calibration_searches(Backend& backend, const CollectionSpec& collection,
                                                          const std::string& label, std::size_t most,
                                                          std::uint64_t seed) {
  Searches searches(backend, collection, label);
  EIDETIC_CHECK(searches.draw(most, seed));
  return searches.run();
}

}  // namespace eidetic
