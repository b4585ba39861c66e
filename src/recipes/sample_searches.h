// The searches of a recipe, one after the other, each drawn as a sheet.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/recipe.h"

#include "base/threads.h"
#include "recipes/results.h"
#include "recipes/samples.h"

namespace eidetic {

class SampleSearches {
 public:
  // Both must outlive this.
  SampleSearches(Engine& engine, const Recipe& recipe) : engine_(engine), recipe_(recipe) {}

  // Searches with an item, once more without classes where the recipe searches by them, and writes
  // <output>/sheets/query-<number>.jpg.
  [[nodiscard]] Result<Sample> run(const PickedItem& item, std::size_t number);

 private:
  // The hits with their labels, and whether they have the query's.
  [[nodiscard]] Result<std::vector<SampleHit>> judged(std::vector<SearchHit> found,
                                                      const std::optional<std::string>& label) const;
  [[nodiscard]] Result<void> write_sheet(const Sample& sample);

  Engine& engine_;
  const Recipe& recipe_;
  ThreadPool pool_{0};
};

}  // namespace eidetic
