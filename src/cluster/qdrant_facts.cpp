#include "cluster/qdrant_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace eidetic {
namespace {

using Node = Filter::Node;
using Passes = QdrantFilter::Passes;

constexpr double kExactIntegers = 9'007'199'254'740'992.0;  // 2^53: below it every whole number is a double
constexpr std::size_t kMaxJsonDepth = 110;                  // Qdrant's reader ends at 128, and filters stand in objects
constexpr std::string_view kNull = "null";
constexpr std::string_view kMixed = "~";

bool is_pseudo(const FieldName& field) { return field.front() == kIdField || field.front() == kUriField; }

std::string encoded(std::string_view name) {
  std::string made;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (plain) {
      made += c;
    } else if (c == '_') {
      made += "__";
    } else {
      made += fmt::format("_{:02x}", static_cast<unsigned char>(c));
    }
  }
  return made;
}

// --- facts ---

void add_facts(const Json& object, const std::string& prefix, QdrantFacts& facts) {
  for (const auto& [name, value] : object.items()) {
    const std::string path = prefix.empty() ? encoded(name) : prefix + "_-" + encoded(name);
    if (value.is_null() || path.empty()) continue;
    std::vector<std::string> tokens;
    Json numbers = Json::array();
    const auto add = [&](const Json& entry) {
      tokens.push_back(qdrant_token(entry));
      if (entry.is_number()) numbers.push_back(entry);
    };
    if (value.is_array() && !value.empty()) {
      std::ranges::for_each(value, add);
    } else {
      add(value);
    }
    if (!numbers.empty() && numbers.size() < tokens.size()) tokens.emplace_back(kMixed);
    std::ranges::sort(tokens);
    tokens.erase(std::ranges::unique(tokens).begin(), tokens.end());
    facts.values[path] = tokens;
    if (!numbers.empty()) {
      const auto [least, largest] = std::ranges::minmax(numbers);
      std::erase_if(numbers.get_ref<Json::array_t&>(),
                    [&](const Json& each) { return each == least || each == largest; });
      facts.numbers[path] = Json::array({least, largest});
      facts.numbers[path].insert(facts.numbers[path].end(), numbers.begin(), numbers.end());
    }
    if (value.is_object()) add_facts(value, path, facts);
  }
}

// --- filters ---

Json range(const FieldName& field, Json bounds) {
  return {{"key", qdrant_numbers_key(field)}, {"range", std::move(bounds)}};
}

class Translator {
 public:
  Result<QdrantFilter> run(const Node& node) {
    EIDETIC_TRY(QdrantFilter made, translate(node));
    made.indexes = std::move(indexes_);
    return made;
  }

 private:
  Result<QdrantFilter> translate(const Node& node) {
    switch (node.kind) {
      case Node::Kind::any: return joined(node, Passes::all, Passes::none, "should");
      case Node::Kind::all: return joined(node, Passes::none, Passes::all, "must");
      case Node::Kind::negation: return negated(*node.parts.front());
      case Node::Kind::equal: return equal(node);
      default: return ordered(node);
    }
  }

  // One part that `decides` does so for all; those that are `idle` say nothing.
  Result<QdrantFilter> joined(const Node& node, Passes decides, Passes idle, const char* word) {
    Json conditions = Json::array();
    for (const auto& part : node.parts) {
      EIDETIC_TRY(QdrantFilter one, translate(*part));
      if (one.passes == decides) return QdrantFilter{.passes = decides, .condition = {}};
      if (one.passes == idle) continue;
      // Of the same kind: its parts are ours, so that depth is only what it has to be.
      if (one.condition.size() == 1 && one.condition.contains(word)) {
        for (auto& each : one.condition[word]) conditions.push_back(std::move(each));
      } else {
        conditions.push_back(std::move(one.condition));
      }
    }
    return of(std::move(conditions), idle, word);
  }

  static QdrantFilter of(Json conditions, Passes empty, const char* word) {
    if (conditions.empty()) return {.passes = empty, .condition = {}};
    if (conditions.size() == 1) return {.passes = Passes::some, .condition = std::move(conditions[0])};
    return {.passes = Passes::some, .condition = {{word, std::move(conditions)}}};
  }

  Result<QdrantFilter> negated(const Node& part) {
    EIDETIC_TRY(QdrantFilter one, translate(part));
    if (one.passes == Passes::some) {
      one.condition = qdrant_not(std::move(one.condition));
    } else {
      one.passes = one.passes == Passes::all ? Passes::none : Passes::all;
    }
    return one;
  }

  QdrantFilter equal(const Node& node) {
    if (is_pseudo(node.field)) return equal_pseudo(node);
    Json tokens = Json::array();
    Json conditions = Json::array();
    for (const Json& wanted : node.values) {
      if (wanted.is_null()) {
        conditions.push_back({{"is_empty", {{"key", values_key(node.field)}}}});
        tokens.push_back(kNull);
      } else if (wanted.is_number()) {
        equal_number(node.field, wanted, tokens, conditions);
      } else {
        tokens.push_back(qdrant_token(wanted));
      }
    }
    if (!tokens.empty()) conditions.push_back(qdrant_match_any(values_key(node.field), std::move(tokens)));
    return of(std::move(conditions), Passes::none, "should");
  }

  // 17 and 17.0 are written apart and equal.
  void equal_number(const FieldName& field, const Json& wanted, Json& tokens, Json& conditions) {
    const auto real = wanted.get<double>();
    if (wanted.is_number_integer()) {
      tokens.push_back(qdrant_token(wanted));
      tokens.push_back(qdrant_token(real));
    } else if (std::abs(real) >= kExactIntegers) {
      // Equal to every whole number that is rounded to it.
      conditions.push_back(range(numbers(field), {{"gte", real}, {"lte", real}}));
    } else {
      tokens.push_back(qdrant_token(real));
      if (std::trunc(real) == real) tokens.push_back(qdrant_token(static_cast<std::int64_t>(real)));
    }
    if (real == 0) tokens.push_back(qdrant_token(-0.0));
  }

  QdrantFilter equal_pseudo(const Node& node) {
    Json texts = Json::array();
    const bool by_id = node.field.front() == kIdField;
    for (const Json& wanted : node.values) {
      if (!wanted.is_string()) continue;
      texts.push_back(by_id ? Json(qdrant_point_id(wanted.get_ref<const std::string&>())) : wanted);
    }
    if (texts.empty()) return {.passes = Passes::none, .condition = {}};
    if (by_id) return {.passes = Passes::some, .condition = {{"has_id", std::move(texts)}}};
    return {.passes = Passes::some, .condition = qdrant_match_any(values_key(node.field), std::move(texts))};
  }

  Result<QdrantFilter> ordered(const Node& node) {
    const Json& wanted = node.values.front();
    const char* const word = node.kind == Node::Kind::less            ? "lt"
                             : node.kind == Node::Kind::less_or_equal ? "lte"
                             : node.kind == Node::Kind::greater       ? "gt"
                                                                      : "gte";
    if (wanted.is_string()) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the filter compares '{}' with the string {} by its order, which Qdrant cannot do: it "
                              "knows = and != of strings, and the order of numbers",
                              to_string(node.field), dump_json(wanted)));
    }
    if (!wanted.is_number() || is_pseudo(node.field)) return QdrantFilter{.passes = Passes::none, .condition = {}};
    const auto bound = wanted.get<double>();
    if (wanted.is_number_integer() && std::abs(bound) >= kExactIntegers) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the filter compares '{}' with {} by its order, which Qdrant cannot do: it orders whole "
                              "numbers up to 2^53",
                              to_string(node.field), dump_json(wanted)));
    }
    return QdrantFilter{.passes = Passes::some, .condition = range(numbers(node.field), {{word, wanted}})};
  }

  std::string values_key(const FieldName& field) {
    return indexes_.emplace(qdrant_values_key(field), "keyword").first->first;
  }
  const FieldName& numbers(const FieldName& field) {
    indexes_.emplace(qdrant_numbers_key(field), "float");
    return field;
  }

  std::set<QdrantIndex> indexes_;
};

}  // namespace

std::string qdrant_field(const FieldName& field) {
  std::string made;
  for (const auto& name : field) made += (made.empty() ? "" : "_-") + encoded(name);
  return made;
}

std::string qdrant_values_key(const FieldName& field) {
  return is_pseudo(field) ? field.front().substr(1) : "k." + qdrant_field(field);
}

std::string qdrant_numbers_key(const FieldName& field) { return "n." + qdrant_field(field); }

std::string qdrant_first_number_key(const FieldName& field, bool largest) {
  return qdrant_numbers_key(field) + (largest ? "[1]" : "[0]");
}

std::string qdrant_token(const Json& value) { return value.is_structured() ? "{}" : dump_json(value); }

QdrantFacts qdrant_facts(const Json& metadata) {
  QdrantFacts facts;
  if (metadata.is_object()) add_facts(metadata, "", facts);
  return facts;
}

std::string qdrant_point_id(std::string_view name) {
  std::string hex = sha256_hex(as_bytes(name)).substr(0, 32);
  constexpr std::string_view kVariants = "89ab";
  const auto digit = hex[16];
  const auto value = static_cast<std::size_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  hex[12] = '8';
  hex[16] = kVariants[value % kVariants.size()];
  const std::string_view text = hex;
  return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4), text.substr(16, 4),
                     text.substr(20));
}

Json qdrant_match_any(const std::string& key, Json values) {
  return {{"key", key}, {"match", {{"any", std::move(values)}}}};
}

Json qdrant_not(Json condition) {
  // Twice is not at all.
  if (condition.size() == 1 && condition.contains("must_not") && condition["must_not"].size() == 1) {
    return std::move(condition["must_not"][0]);
  }
  Json made;
  made["must_not"] = Json::array({std::move(condition)});
  return made;
}

Json qdrant_not_only_numbers(const FieldName& field) {
  Json made;
  made["should"] = Json::array({{{"is_empty", {{"key", qdrant_numbers_key(field)}}}},
                                qdrant_match_any(qdrant_values_key(field), Json::array({kMixed}))});
  return made;
}

Json qdrant_is_null(const FieldName& field) {
  const std::string key = qdrant_values_key(field);
  Json made;
  made["should"] = Json::array({{{"is_empty", {{"key", key}}}}, qdrant_match_any(key, Json::array({kNull}))});
  return made;
}

Result<QdrantFilter> qdrant_filter(const Filter& filter) {
  if (filter.empty()) return QdrantFilter{};
  EIDETIC_TRY(QdrantFilter made, Translator().run(*filter.root()));
  if (const auto depth = json_depth(dump_json(made.condition)); depth > kMaxJsonDepth) {
    return fail(ErrorCode::unsupported, "the filter nests deeper than Qdrant reads: write it with fewer parentheses");
  }
  return made;
}

}  // namespace eidetic
