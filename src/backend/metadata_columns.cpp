#include "backend/metadata_columns.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace eidetic {
namespace {

// What of an item a column is made of; null: nothing is there. `spare` holds what is no metadata.
const Json* value_of(const Item& item, const Json& metadata, const FieldName& field, Json& spare) {
  if (field.front() == kIdField || field.front() == kUriField) {
    spare = field.front() == kIdField ? item.id : item.uri;
    return &spare;
  }
  return find_field(metadata, field);
}

Json metadata_of(const Item& item) { return Json::parse(item.metadata, nullptr, false); }

// The kinds of values, in the order in which they are sorted.
int kind_of(const Json& value) {
  if (value.is_number()) return 0;
  if (value.is_string()) return 1;
  if (value.is_boolean()) return 2;
  return 3;
}

// Whether a comes before b in rising order.
bool value_before(const Json& a, const Json& b) {
  const int kind = kind_of(a);
  if (kind != kind_of(b)) return kind < kind_of(b);
  return kind < 3 && a < b;
}

}  // namespace

// --- one column ---

MetadataColumn::MetadataColumn()
    : values_{Json(), Json::object()}, codes_by_value_(0, HashOfValue{&values_}, SameValue{&values_}) {}

std::uint32_t MetadataColumn::code_of(const Json& value) {
  if (value.is_null()) return kNull;
  if (value.is_structured()) return kOther;
  if (const auto known = codes_by_value_.find(value); known != codes_by_value_.end()) return *known;
  const auto code = static_cast<std::uint32_t>(values_.size());
  values_.push_back(value);
  codes_by_value_.insert(code);
  if (value.is_string()) text_bytes_ += value.get_ref<const std::string&>().capacity() + sizeof(std::string);
  return code;
}

void MetadataColumn::set(Row row, const Json* value) {
  if (value == nullptr || !value->is_array()) return set_codes(row, {value == nullptr ? kNull : code_of(*value)});
  std::vector<std::uint32_t> codes;
  for (const Json& entry : *value) codes.push_back(code_of(entry));
  if (codes.empty()) codes.push_back(kOther);
  std::ranges::sort(codes);
  codes.erase(std::ranges::unique(codes).begin(), codes.end());
  set_codes(row, std::move(codes));
}

void MetadataColumn::take(Row row, const MetadataColumn& other, Row from) {
  std::vector<std::uint32_t> codes;
  other.entries(from, [&](std::uint32_t code) { codes.push_back(code <= kOther ? code : code_of(other.value(code))); });
  std::ranges::sort(codes);
  set_codes(row, std::move(codes));
}

void MetadataColumn::set_codes(Row row, std::vector<std::uint32_t> codes) {
  if (row >= codes_.size()) codes_.resize(std::max<std::size_t>(row + 1, codes_.size() + codes_.size() / 2), kNull);
  std::uint32_t& place = codes_[row];
  if (codes.size() == 1) {
    if ((place & kList) != 0) lists_[place & ~kList].clear();
    place = codes.front();
    return;
  }
  if ((place & kList) == 0) {
    place = kList | static_cast<std::uint32_t>(lists_.size());
    lists_.emplace_back();
  }
  lists_[place & ~kList] = std::move(codes);
}

void MetadataColumn::matching(const Filter::Node& comparison, RowSet& rows) const {
  std::vector<std::uint8_t> passes(values_.size());
  for (std::size_t code = 0; code < values_.size(); ++code) {
    passes[code] = code != kOther && value_passes(comparison, values_[code]) ? 1 : 0;
  }
  const Row known = std::min(rows.end(), static_cast<Row>(codes_.size()));
  for (Row row = 0; row < known; ++row) {
    bool any = false;
    entries(row, [&](std::uint32_t code) { any = any || passes[code] != 0; });
    if (any) rows.insert(row);
  }
  for (Row row = known; row < rows.end() && passes[kNull] != 0; ++row) rows.insert(row);
}

std::uint64_t MetadataColumn::memory_bytes() const noexcept {
  constexpr std::uint64_t kNode = 32;  // of a hash table, with its bucket
  std::uint64_t lists = lists_.capacity() * sizeof(lists_.front());
  for (const auto& list : lists_) lists += list.capacity() * sizeof(std::uint32_t);
  return values_.capacity() * sizeof(Json) + codes_by_value_.size() * kNode +
         codes_.capacity() * sizeof(std::uint32_t) + lists + text_bytes_;
}

// --- all columns ---

bool MetadataColumns::has(std::span<const FieldName> fields) const {
  const std::shared_lock lock(mutex_);
  return std::ranges::all_of(fields, [&](const FieldName& field) { return columns_.contains(field); });
}

Result<void> MetadataColumns::learn(std::span<const FieldName> fields, const ForEachItem& for_each) {
  std::map<FieldName, std::unique_ptr<MetadataColumn>> made;
  for (const FieldName& field : fields) {
    if (!has(std::span(&field, 1))) made.try_emplace(field, std::make_unique<MetadataColumn>());
  }
  if (made.empty()) return {};
  Json spare;
  EIDETIC_CHECK(for_each([&](Row row, const Item& item) {
    const Json metadata = metadata_of(item);
    for (const auto& [field, column] : made) column->set(row, value_of(item, metadata, field, spare));
  }));
  const std::unique_lock lock(mutex_);
  columns_.merge(made);
  return {};
}

void MetadataColumns::set(Row row, const Item& item) {
  const std::unique_lock lock(mutex_);
  if (columns_.empty()) return;
  const Json metadata = metadata_of(item);
  Json spare;
  for (const auto& [field, column] : columns_) column->set(row, value_of(item, metadata, field, spare));
}

void MetadataColumns::take_over(const MetadataColumns& other, Row end,
                                const std::function<std::optional<Row>(Row)>& from) {
  const std::unique_lock lock(mutex_);
  const std::shared_lock other_lock(other.mutex_);
  for (const auto& [field, column] : other.columns_) {
    columns_.insert_or_assign(field, std::make_unique<MetadataColumn>());
  }
  for (Row row = 0; row < end; ++row) {
    const auto old = from(row);
    if (!old) continue;
    for (const auto& [field, column] : other.columns_) columns_.at(field)->take(row, *column, *old);
  }
}

std::uint64_t MetadataColumns::memory_bytes() const {
  const std::shared_lock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [field, column] : columns_) bytes += column->memory_bytes();
  return bytes;
}

RowSet MetadataColumns::matching(const Filter& filter, Row end) const {
  const std::shared_lock lock(mutex_);
  if (!filter.empty()) return matching(*filter.root(), end);
  RowSet all(end);
  all.complement();
  return all;
}

RowSet MetadataColumns::matching(const Filter::Node& node, Row end) const {
  using Kind = Filter::Node::Kind;
  if (node.parts.empty()) {
    RowSet rows(end);
    column(node.field).matching(node, rows);
    return rows;
  }
  RowSet rows = matching(*node.parts.front(), end);
  if (node.kind == Kind::negation) rows.complement();
  for (const auto& part : std::span(node.parts).subspan(1)) {
    if (node.kind == Kind::any) {
      rows |= matching(*part, end);
    } else {
      rows &= matching(*part, end);
    }
  }
  return rows;
}

Facet MetadataColumns::facet(const FieldName& field, const RowSet& rows, std::uint32_t limit) const {
  const std::shared_lock lock(mutex_);
  const MetadataColumn& values = column(field);
  std::vector<std::uint64_t> counts(values.values());
  Facet facet;
  rows.for_each([&](Row row) {
    values.entries(row, [&](std::uint32_t code) { ++counts[code]; });
    ++facet.items;
  });
  facet.without = counts[MetadataColumn::kNull];
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = MetadataColumn::kOther + 1; code < counts.size(); ++code) {
    if (counts[code] == 0) continue;
    codes.push_back(code);
    if (const Json& value = values.value(code); value.is_number()) {
      const auto number = value.get<double>();
      facet.least = std::min(facet.least.value_or(number), number);
      facet.largest = std::max(facet.largest.value_or(number), number);
    }
  }
  facet.distinct = codes.size();
  const auto shown = codes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(limit, codes.size()));
  std::ranges::partial_sort(codes, shown, [&](std::uint32_t a, std::uint32_t b) {
    if (counts[a] != counts[b]) return counts[a] > counts[b];
    return value_before(values.value(a), values.value(b));
  });
  for (auto code = codes.begin(); code != shown; ++code) {
    facet.values.push_back({.value = dump_json(values.value(*code)), .items = counts[*code]});
  }
  return facet;
}

std::vector<MetadataColumns::Place> MetadataColumns::sorted(const FieldName& field, bool descending, const RowSet& rows,
                                                            const std::optional<Place>& from, std::size_t limit) const {
  const std::shared_lock lock(mutex_);
  const MetadataColumn& values = column(field);
  static const Json kNone;
  const auto value_comes_before = [descending](const Json& a, const Json& b) {
    if (a.is_null() || b.is_null()) return !a.is_null() && b.is_null();
    return descending ? value_before(b, a) : value_before(a, b);
  };
  struct Entry {
    const Json* value;
    Row row;
  };
  const auto comes_before = [&](const Entry& a, const Entry& b) {
    if (value_comes_before(*a.value, *b.value)) return true;
    return !value_comes_before(*b.value, *a.value) && a.row < b.row;
  };
  std::vector<Entry> all;
  rows.for_each([&](Row row) {
    Entry entry{.value = &kNone, .row = row};
    values.entries(row, [&](std::uint32_t code) {
      if (code != MetadataColumn::kNull && value_comes_before(values.value(code), *entry.value)) {
        entry.value = &values.value(code);
      }
    });
    if (!from || !comes_before(entry, {.value = &from->value, .row = from->row})) all.push_back(entry);
  });
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
  std::ranges::partial_sort(all, end, comes_before);
  std::vector<Place> places;
  for (auto entry = all.begin(); entry != end; ++entry) places.push_back({.value = *entry->value, .row = entry->row});
  return places;
}

}  // namespace eidetic
