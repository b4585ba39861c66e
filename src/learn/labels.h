// What a metadata field, or the folder of an item, says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

namespace eidetic {

// Reads and numbers the labels of items as they come, and remembers which fields there are. Labels are strings, numbers
// or booleans.
class Labels {
 public:
  // A metadata field, or kFolderLabel.
  explicit Labels(std::string_view field) : field_(field) {}

  // nullopt: the item has none. corrupt: its metadata is no JSON object.
  [[nodiscard]] Result<std::optional<std::string>> label(const Item& item);
  // The same as a number, from 0 in order of appearance.
  [[nodiscard]] Result<std::optional<std::uint32_t>> number(const Item& item);

  [[nodiscard]] std::size_t classes() const { return numbers_.size(); }
  // By number.
  [[nodiscard]] std::vector<std::string> names() const;
  // Why no item had a label: invalid_argument or not_found, naming the fields that there are.
  [[nodiscard]] std::unexpected<Error> none(std::string_view collection) const;

 private:
  const std::string field_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::set<std::string> fields_;
};

// The labels of the points of a map; errors as Labels::none.
[[nodiscard]] Result<void> label_points(Backend& backend, std::string_view collection, std::string_view field,
                                        std::vector<CollectionMap::Point>& points);

}  // namespace eidetic
