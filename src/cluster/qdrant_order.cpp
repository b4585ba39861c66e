#include "cluster/qdrant_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/split_mix.h"
#include "cluster/qdrant_client.h"
#include "cluster/qdrant_point.h"

namespace eidetic {
namespace {

constexpr std::uint64_t kDraws = std::uint64_t{1} << 31;
constexpr std::size_t kMostPage = 10'000;
// Decimals of so many digits are read by everybody as the same number.
constexpr std::ptrdiff_t kSafeDigits = 15;

int kind_of(const Json& value) {
  if (value.is_number()) return 0;
  if (value.is_string()) return 1;
  if (value.is_boolean()) return 2;
  return 3;
}

// The entry of a field that counts in a list.
Json first_value(const Json* value, bool descending) {
  if (value == nullptr) return {};
  const auto told = [](const Json& entry) { return entry.is_structured() ? Json::object() : entry; };
  if (!value->is_array()) return told(*value);
  if (value->empty()) return Json::object();
  Json first;
  for (const Json& each : *value) {
    Json entry = told(each);
    if (entry.is_null()) continue;
    const bool before = descending ? qdrant_value_before(first, entry) : qdrant_value_before(entry, first);
    if (first.is_null() || before) first = std::move(entry);
  }
  return first;
}

bool equal_in_order(const Json& a, const Json& b) {
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null();
  return !qdrant_value_before(a, b) && !qdrant_value_before(b, a);
}

// What Qdrant may have made of a number when it read it.
std::pair<double, double> spread(double value) {
  const std::string text = dump_json(value);
  const auto digits =
      std::ranges::count_if(text.substr(0, text.find('e')), [](char c) { return c >= '0' && c <= '9'; });
  if (digits <= kSafeDigits || std::trunc(value) == value) return {value, value};
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {std::nextafter(value, -kInfinity), std::nextafter(value, kInfinity)};
}

Json between(const std::string& key, double least, double largest) {
  return {{"key", key}, {"range", {{"gte", least}, {"lte", largest}}}};
}

class List {
 public:
  List(const QdrantTable& table, bool descending, std::size_t limit)
      : table_(table), descending_(descending), limit_(limit) {}

  [[nodiscard]] bool full() const noexcept { return found_.size() >= limit_; }
  [[nodiscard]] std::vector<QdrantListed> take() && {
    found_.resize(std::min(found_.size(), limit_));
    return std::move(found_);
  }

  // What of an item counts.
  std::function<Json(const Item&)> value_of;

  // Items that pass `condition` and whose value is `value`, by version, those after `after`.
  Result<void> group(const Json& value, const Json& condition, const QdrantPlace* after) {
    QdrantStart start = qdrant_start(after == nullptr ? 0 : after->version);
    std::size_t page = wanted() + 1 + start.before;
    QdrantPlace last = after == nullptr ? QdrantPlace{.value = value, .point = {}} : *after;
    while (!full()) {
      EIDETIC_TRY(const auto got, scroll(condition, {{"key", "version"}, {"start_from", start.from}}, page));
      bool comes = false;
      for (const Json& point : got) {
        EIDETIC_TRY(auto listed, listed_of(point));
        if (!listed.place.follows(last)) continue;
        comes = true;
        last.version = listed.place.version;
        last.point = listed.place.point;
        const Json& own = listed.place.value;
        const bool numbers = own.is_number() && value.is_number();
        if (numbers ? !same(value.get<double>(), own.get<double>()) : !equal_in_order(own, value)) continue;
        listed.place.value = value;
        found_.push_back(std::move(listed));
        if (full()) return {};
      }
      if (got.size() < page) return {};
      // All of the page were there before: it takes a larger one to get past those of one version.
      if (!comes) page = page * 2;
      start = qdrant_start(last.version);
    }
    return {};
  }

  // Numbers under `key` from `first` on, up to `last`, both included; `after`: the last that was listed, in this range.
  Result<void> numbers(const std::string& key, double first, double last, const QdrantPlace* after) {
    double start = first;
    if (after != nullptr) {
      const auto value = after->value.get<double>();
      const auto [least, largest] = spread(value);
      EIDETIC_CHECK(group(after->value, between(key, least, largest), after));
      start = beyond(value);
    }
    while (!full() && (descending_ ? start >= last : start <= last)) {
      const std::size_t page = wanted() + 1;
      const Json range = descending_ ? between(key, last, start) : between(key, start, last);
      EIDETIC_TRY(
          const auto got,
          scroll(range, {{"key", key}, {"direction", descending_ ? "desc" : "asc"}, {"start_from", start}}, page));
      EIDETIC_TRY(auto run, run_of(got));
      const bool whole = got.size() < page;
      const double end = got.empty() ? last : order_value(got.back());
      // The group that the page ends in may go on; where it is the only one, it is asked for by itself.
      const auto begin_of_end = std::ranges::find_if(
          run, [&](const QdrantListed& each) { return same(each.place.value.get<double>(), end); });
      const bool only = begin_of_end == run.begin() && !got.empty() && same(order_value(got.front()), end);
      if (!whole) run.erase(begin_of_end, run.end());
      sort(run);
      std::ranges::move(run, std::back_inserter(found_));
      if (whole) return {};
      if (only) {
        const auto [least, largest] = spread(end);
        EIDETIC_CHECK(group(end, between(key, least, largest), nullptr));
        start = beyond(end);
      } else {
        start = end;
      }
    }
    return {};
  }

  // The groups of these values, which are in order; `condition` makes one of several.
  Result<void> values(const std::vector<QdrantValue>& all,
                      const std::function<Json(std::vector<const Json*>)>& condition, const QdrantPlace* after) {
    std::size_t at = 0;
    if (after != nullptr) {
      while (at < all.size() && comes_before(all[at].value, after->value)) ++at;
      if (at < all.size() && equal_in_order(all[at].value, after->value)) {
        EIDETIC_CHECK(group(after->value, condition({&all[at].value}), after));
        ++at;
      }
    }
    while (!full() && at < all.size()) {
      std::vector<const Json*> some;
      std::size_t items = 0;
      for (; at < all.size() && items < wanted() && (some.empty() || items + all[at].items <= kMostPage); ++at) {
        some.push_back(&all[at].value);
        items += all[at].items;
      }
      if (some.size() == 1) {
        EIDETIC_CHECK(group(*some.front(), condition({some.front()}), nullptr));
        continue;
      }
      EIDETIC_CHECK(groups(some, condition(some)));
    }
    return {};
  }

 private:
  [[nodiscard]] std::size_t wanted() const noexcept { return limit_ - found_.size(); }
  [[nodiscard]] bool comes_before(const Json& a, const Json& b) const {
    return descending_ ? qdrant_value_before(b, a) : qdrant_value_before(a, b);
  }
  [[nodiscard]] double beyond(double value) const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const auto [least, largest] = spread(value);
    return descending_ ? std::nextafter(least, -kInfinity) : std::nextafter(largest, kInfinity);
  }
  static bool same(double a, double b) {
    const auto [least, largest] = spread(b);
    return a >= least && a <= largest;
  }
  static double order_value(const Json& point) {
    const Json& value = qdrant_at(point, "order_value");
    return value.is_number() ? value.get<double>() : 0;
  }

  Result<std::vector<Json>> scroll(const Json& condition, const Json& order, std::size_t page) {
    Json must = table_.must;
    must.push_back(condition);
    const Json body = {{"limit", page}, {"order_by", order}, {"filter", {{"must", std::move(must)}}}};
    EIDETIC_TRY(Json answer, table_.scroll(body));
    const Json& points = qdrant_at(answer, "points");
    return points.is_array() ? points.get<std::vector<Json>>() : std::vector<Json>();
  }

  Result<QdrantListed> listed_of(const Json& point) {
    EIDETIC_TRY(Item item, qdrant_item(point, nullptr));
    QdrantListed made;
    made.place = {.value = value_of(item), .version = item.version, .point = qdrant_text(point, "id")};
    made.item = std::move(item);
    return made;
  }

  // Those whose number counts: a list of numbers and others may stand elsewhere.
  Result<std::vector<QdrantListed>> run_of(const std::vector<Json>& points) {
    std::vector<QdrantListed> run;
    for (const Json& point : points) {
      EIDETIC_TRY(auto listed, listed_of(point));
      const double here = order_value(point);
      if (!listed.place.value.is_number() || !same(here, listed.place.value.get<double>())) continue;
      listed.place.value = here;
      run.push_back(std::move(listed));
    }
    sort(run);
    return run;
  }

  // All items of some groups.
  Result<void> groups(const std::vector<const Json*>& some, const Json& condition) {
    std::vector<QdrantListed> run;
    std::set<std::string> seen;
    std::uint64_t last = 0;
    for (std::size_t page = kMostPage;;) {
      const auto start = qdrant_start(last).from;
      EIDETIC_TRY(const auto got, scroll(condition, {{"key", "version"}, {"start_from", start}}, page));
      bool comes = false;
      for (const Json& point : got) {
        EIDETIC_TRY(auto listed, listed_of(point));
        last = listed.place.version;
        if (!seen.insert(listed.place.point).second) continue;
        comes = true;
        const bool here =
            std::ranges::any_of(some, [&](const Json* value) { return equal_in_order(*value, listed.place.value); });
        if (here) run.push_back(std::move(listed));
      }
      if (got.size() < page) break;
      if (!comes) page *= 2;
    }
    sort(run);
    std::ranges::move(run, std::back_inserter(found_));
    return {};
  }

  void sort(std::vector<QdrantListed>& run) const {
    std::ranges::sort(run, [&](const QdrantListed& a, const QdrantListed& b) {
      if (!equal_in_order(a.place.value, b.place.value)) return comes_before(a.place.value, b.place.value);
      return b.place.follows(a.place);
    });
  }

  const QdrantTable& table_;
  bool descending_;
  std::size_t limit_;
  std::vector<QdrantListed> found_;
};

// The stages of a list: numbers, values, what equals nothing, nothing.
enum class Stage { numbers, values, others, none };

Stage stage_of(const Json& value) {
  if (value.is_null()) return Stage::none;
  if (value.is_number()) return Stage::numbers;
  return value.is_structured() ? Stage::others : Stage::values;
}

}  // namespace

bool qdrant_value_before(const Json& a, const Json& b) {
  const int kind = kind_of(a);
  if (kind != kind_of(b)) return kind < kind_of(b);
  return kind < 3 && a < b;
}

QdrantStart qdrant_start(std::uint64_t version) {
  const int bits = static_cast<int>(std::bit_width(version)) - std::numeric_limits<double>::digits;
  if (bits <= 0) return {.from = version, .before = 0};
  // What the mantissa does not hold, rounded down.
  const std::uint64_t step = std::uint64_t{1} << static_cast<unsigned>(bits);
  return {.from = version - version % step, .before = step};
}

std::string QdrantPlace::cursor() const { return dump_json(Json::array({value, version, point})); }

Result<QdrantPlace> QdrantPlace::parse(const std::string& cursor) {
  const Json json = Json::parse(cursor, nullptr, false);
  const bool sound =
      json.is_array() && json.size() == 3 && json[1].is_number_integer() && json[2].is_string() && !json[0].is_array();
  if (!sound) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no cursor of a sorted list", cursor));
  return QdrantPlace{.value = json[0], .version = json[1].get<std::uint64_t>(), .point = json[2].get<std::string>()};
}

Result<std::vector<QdrantListed>> qdrant_ordered(const QdrantTable& table, const FieldName& field, bool descending,
                                                 const std::optional<QdrantPlace>& from, std::size_t limit) {
  List list(table, descending, limit);
  const bool by_id = field.front() == kIdField;
  const bool pseudo = by_id || field.front() == kUriField;
  list.value_of = [&](const Item& item) {
    if (pseudo) return Json(by_id ? item.id : item.uri);
    const Json metadata = Json::parse(item.metadata, nullptr, false);
    return first_value(find_field(metadata, field), descending);
  };
  const auto match = [&](const std::vector<const Json*>& values) {
    Json tokens = Json::array();
    for (const Json* value : values) tokens.push_back(pseudo ? *value : Json(qdrant_token(*value)));
    return qdrant_match_any(qdrant_values_key(field), std::move(tokens));
  };
  std::vector<Stage> stages = {Stage::numbers, Stage::values, Stage::others, Stage::none};
  if (descending) stages = {Stage::others, Stage::values, Stage::numbers, Stage::none};
  if (pseudo) stages = {Stage::values};
  bool reached = !from;
  for (const Stage stage : stages) {
    const bool here = from && stage_of(from->value) == stage;
    reached = reached || here;
    if (!reached || list.full()) continue;
    const QdrantPlace* const after = here ? &*from : nullptr;
    constexpr double kLargest = std::numeric_limits<double>::max();
    switch (stage) {
      case Stage::numbers: {
        const double begin = descending ? kLargest : -kLargest;
        EIDETIC_CHECK(list.numbers(qdrant_first_number_key(field, descending), begin, -begin, after));
        break;
      }
      case Stage::values: {
        Json must = table.must;
        if (!pseudo) must.push_back(qdrant_not_only_numbers(field));
        EIDETIC_TRY(auto values, table.distinct(field, std::move(must)));
        std::erase_if(values, [](const QdrantValue& each) { return each.value.is_number(); });
        std::ranges::sort(values, [&](const QdrantValue& a, const QdrantValue& b) {
          return descending ? qdrant_value_before(b.value, a.value) : qdrant_value_before(a.value, b.value);
        });
        EIDETIC_CHECK(list.values(values, match, after));
        break;
      }
      case Stage::others: {
        const Json nothing = Json::object();
        EIDETIC_CHECK(list.group(nothing, match({&nothing}), after));
        break;
      }
      case Stage::none: EIDETIC_CHECK(list.group(Json(), qdrant_is_null(field), after)); break;
    }
  }
  return std::move(list).take();
}

std::string qdrant_draw_key(std::uint64_t seed) { return fmt::format("r.{}", split_mix(seed) % kQdrantDraws); }

Result<std::vector<QdrantListed>> qdrant_shuffled(const QdrantTable& table, std::uint64_t seed, bool descending,
                                                  const std::optional<QdrantPlace>& from, std::size_t limit) {
  const std::uint64_t mixed = split_mix(seed);
  const std::uint64_t offset = (mixed >> 8) % kDraws;
  List list(table, descending, limit);
  list.value_of = [which = mixed % kQdrantDraws](const Item& item) { return Json(qdrant_draws(item.id).at(which)); };
  if (from && !from->value.is_number()) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no cursor of a random list", from->cursor()));
  }
  // Round from the offset: what is above it, then what is below; backwards the other way.
  struct Part {
    double first, last;
  };
  const auto at = static_cast<double>(offset), end = static_cast<double>(kDraws);
  std::vector<Part> parts = {{at, end}, {0, at - 1}};
  if (descending) parts = {{at - 1, 0}, {end, at}};
  bool reached = !from;
  for (const Part& part : parts) {
    const double value = from ? from->value.get<double>() : 0;
    const bool here = from && value >= std::min(part.first, part.last) && value <= std::max(part.first, part.last);
    reached = reached || here;
    if (reached && !list.full()) {
      EIDETIC_CHECK(list.numbers(qdrant_draw_key(seed), part.first, part.last, here ? &*from : nullptr));
    }
  }
  return std::move(list).take();
}

}  // namespace eidetic
