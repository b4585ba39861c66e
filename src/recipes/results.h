// What sample searches found, and the ways to show it: a page for people, a report for programs. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/recipe.h"

#include "base/json.h"
#include "recipes/sheet.h"

namespace eidetic {

struct SampleHit {
  SearchHit hit = {};
  std::optional<std::string> label = {};
  std::optional<bool> right = {};  // nullopt: it or the query has no label
};

struct Sample {
  std::string id;
  std::optional<std::string> label = {};
  std::optional<Classification> classification = {};
  std::vector<SampleHit> hits = {};
  double ms = 0;
  // Of the same search without classes, where this one is with them: right hits, and whether the first is.
  std::optional<std::uint32_t> plain_right = {};
  bool plain_first = false;
  std::vector<std::string> notes = {};
  std::string sheet = {};   // "sheets/query-001.jpg", in the folder of the page
  SheetLayout layout = {};  // its first cell is the query, the others are the hits in their order
};

struct Results {
  std::string title;
  CollectionInfo collection = {};
  std::string dataset = {}, homepage = {}, licence = {};  // empty: pictures of one's own, or unknown
  std::string command = "eidetic";                        // how the program is called
  Recipe::Search search = {};
  std::string classifier = {};  // that was searched by; empty: none
  std::vector<Sample> samples = {};
};

// Sets the figures of searches. Of P@k, what is not found counts as not right.
void summarize(const std::vector<Sample>& samples, std::uint32_t k, RecipeReport& report);

// One HTML page that needs nothing but the sheets beside it: no script, no font, no other address.
[[nodiscard]] std::string results_page(const Results& results, const RecipeReport& report);
[[nodiscard]] Json results_json(const Results& results, const RecipeReport& report);

// "2,048".
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace eidetic
