// The metadata of one generation's items by field: for each field that was asked for, which value each row has.
// Filters, counts of values and sorted lists are answered from it, by looking once at each distinct value and once at
// each row.
//
// Thread-safe. Rows that are not alive keep what they had; whoever asks leaves them out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/filter.h"
#include "eidetic/row_set.h"

#include "base/filter_node.h"

namespace eidetic {

// The distinct values of a field, and the code of each row's.
class MetadataColumn {
 public:
  static constexpr std::uint32_t kNull = 0;   // null, or no such field
  static constexpr std::uint32_t kOther = 1;  // an object, a list in a list, or an empty list: equal to nothing

  MetadataColumn();
  MetadataColumn(const MetadataColumn&) = delete;
  MetadataColumn& operator=(const MetadataColumn&) = delete;

  void set(Row row, const Json* value);
  // Takes over what the other, of other rows, has.
  void take(Row row, const MetadataColumn& other, Row from);
  // Rows below rows.end() for which the comparison passes.
  void matching(const Filter::Node& comparison, RowSet& rows) const;
  // visit(code) for each entry of what the row has; of most there is one.
  template <typename Visit>
  void entries(Row row, const Visit& visit) const {
    const std::uint32_t code = row < codes_.size() ? codes_[row] : kNull;
    if ((code & kList) == 0) return visit(code);
    for (const std::uint32_t entry : lists_[code & ~kList]) visit(entry);
  }
  [[nodiscard]] const Json& value(std::uint32_t code) const noexcept { return values_[code]; }
  [[nodiscard]] std::size_t values() const noexcept { return values_.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

 private:
  static constexpr std::uint32_t kList = 1U << 31;
  struct HashOfValue {
    using is_transparent = void;
    const std::vector<Json>* values;
    std::size_t operator()(std::uint32_t code) const { return std::hash<Json>()((*values)[code]); }
    std::size_t operator()(const Json& value) const { return std::hash<Json>()(value); }
  };
  struct SameValue {
    using is_transparent = void;
    const std::vector<Json>* values;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(const Json& a, std::uint32_t b) const { return same(a, (*values)[b]); }
    bool operator()(std::uint32_t a, const Json& b) const { return same(b, (*values)[a]); }
    // 1 and 1.0 are equal, and yet listed apart, as they hash apart.
    static bool same(const Json& a, const Json& b) { return a.type() == b.type() && a == b; }
  };

  [[nodiscard]] std::uint32_t code_of(const Json& value);
  void set_codes(Row row, std::vector<std::uint32_t> codes);

  std::vector<Json> values_;
  std::unordered_set<std::uint32_t, HashOfValue, SameValue> codes_by_value_;
  std::vector<std::uint32_t> codes_;               // by row; kList and a place in lists_
  std::vector<std::vector<std::uint32_t>> lists_;  // entries, each once
  std::uint64_t text_bytes_ = 0;
};

class MetadataColumns {
 public:
  // Whether all these fields have columns.
  [[nodiscard]] bool has(std::span<const FieldName> fields) const;
  // Calls visit(row, item) for every row.
  using ForEachItem = std::function<Result<void>(const std::function<void(Row, const Item&)>& visit)>;
  // Makes columns of those fields that have none. No `set` may run meanwhile. An error leaves things as they were.
  [[nodiscard]] Result<void> learn(std::span<const FieldName> fields, const ForEachItem& for_each);
  void set(Row row, const Item& item);
  // Columns of the same fields as another's, whose row `from(row)` is row `row` below `end` here.
  void take_over(const MetadataColumns& other, Row end, const std::function<std::optional<Row>(Row)>& from);
  [[nodiscard]] std::uint64_t memory_bytes() const;

  // All fields that are asked for have columns.

  // Rows below `end` whose item passes.
  [[nodiscard]] RowSet matching(const Filter& filter, Row end) const;
  // How often each value is there among `rows`: the `limit` most frequent.
  [[nodiscard]] Facet facet(const FieldName& field, const RowSet& rows, std::uint32_t limit) const;

  // Where a row stands in the order by a field: numbers, strings, false and true, other values; no value comes last
  // whichever way. Equal ones by row, upwards. Of a list its first in this order counts.
  struct Place {
    Json value;  // null: none
    Row row = 0;
  };
  // The first `limit` of `rows`; where `from` is set, of those that stand there or behind it.
  [[nodiscard]] std::vector<Place> sorted(const FieldName& field, bool descending, const RowSet& rows,
                                          const std::optional<Place>& from, std::size_t limit) const;

 private:
  [[nodiscard]] RowSet matching(const Filter::Node& node, Row end) const;
  [[nodiscard]] const MetadataColumn& column(const FieldName& field) const { return *columns_.at(field); }

  mutable std::shared_mutex mutex_;
  std::map<FieldName, std::unique_ptr<MetadataColumn>> columns_;
};

}  // namespace eidetic
