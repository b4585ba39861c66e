#include "engine/known_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/filter_node.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kLookedAt = 1000;  // items
constexpr std::size_t kDeepest = 8;        // fields within fields that are named

// Those of some items; of objects the fields inside too.
void collect(const Json& object, FieldName& at, std::set<std::string>& fields) {
  for (const auto& [name, value] : object.items()) {
    at.push_back(name);
    fields.insert(to_string(at));
    if (value.is_object() && at.size() < kDeepest) collect(value, at, fields);
    at.pop_back();
  }
}

}  // namespace

Result<void> check_known(Backend& backend, std::string_view collection, const std::vector<std::string>& fields) {
  if (fields.empty()) return {};
  EIDETIC_TRY(const auto facets, backend.facets(collection, {.fields = fields, .filter = {}, .limit = 1}));
  for (const Facet& facet : facets) {
    if (facet.items == 0 || facet.without < facet.items) continue;
    EIDETIC_TRY(const auto page, backend.scroll(collection, "", kLookedAt, false));
    std::set<std::string> found;
    FieldName at;
    for (const Item& item : page.items) {
      const Json metadata = Json::parse(item.metadata, nullptr, false);
      if (metadata.is_object()) collect(metadata, at, found);
    }
    const std::vector<std::string> known(found.begin(), found.end());
    const std::string all = known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "));
    return fail(ErrorCode::invalid_argument,
                fmt::format("no item of collection '{}' has the field '{}' (the fields are: {}){}", collection,
                            facet.field, all, did_you_mean(facet.field, known)));
  }
  return {};
}

Result<void> check_known(Backend& backend, std::string_view collection, const Filter& filter) {
  std::set<std::string> fields;
  for (const FieldName& field : fields_of(filter)) {
    if (!field.front().starts_with('@')) fields.insert(to_string(field));
  }
  std::vector<std::string> asked(fields.begin(), fields.end());
  asked.resize(std::min(asked.size(), kMaxFacetFields));  // of a filter with more, the rest may have any name
  return check_known(backend, collection, asked);
}

}  // namespace eidetic
