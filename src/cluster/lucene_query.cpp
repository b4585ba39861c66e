#include "cluster/lucene_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cluster/lucene_document.h"

namespace eidetic {
namespace {

using Node = Filter::Node;
using Kind = Node::Kind;

constexpr double kTold = 9007199254740992;  // 2^53: below it every integer is a double of its own
constexpr std::size_t kMaxTerms = 10'000;   // of one query; engines stop at 65,536

// A query, or what does not pass it. Negations are carried up to where they cost no level: engines bound how deep
// queries nest.
struct Clause {
  Json query;
  bool negative = false;
};

Json single(std::string_view kind, std::string_view field, Json what) {
  Json inner = Json::object();
  inner[std::string(field)] = std::move(what);
  Json query = Json::object();
  query[std::string(kind)] = std::move(inner);
  return query;
}
Json range(std::string_view field, Json bounds) { return single("range", field, std::move(bounds)); }
Json terms(std::string_view field, Json values) { return single("terms", field, std::move(values)); }
Json boolean(std::string_view occurrence, Json queries) { return single("bool", occurrence, std::move(queries)); }

Json any_of(Json queries) {
  if (queries.empty()) return {{"match_none", Json::object()}};
  if (queries.size() == 1) return std::move(queries.front());
  Json query = boolean("should", std::move(queries));
  query["bool"]["minimum_should_match"] = 1;
  return query;
}

std::string_view bound(Kind kind) {
  switch (kind) {
    case Kind::less: return "lt";
    case Kind::less_or_equal: return "lte";
    case Kind::greater: return "gt";
    default: return "gte";
  }
}
bool is_less(Kind kind) { return kind == Kind::less || kind == Kind::less_or_equal; }
bool takes_equal(Kind kind) { return kind == Kind::less_or_equal || kind == Kind::greater_or_equal; }

Json bounds_of(std::string_view name, Json value) {
  Json bounds = Json::object();
  bounds[std::string(name)] = std::move(value);
  return bounds;
}

// Numbers are compared as doubles, and integers that doubles do not tell apart by their tokens.
Json compares_number(const Node& node, const Json& value) {
  const double number = value.get<double>() + 0.0;  // there is one zero
  const std::string numbers = numbers_field(node.field);
  if (value.is_number_float() || std::abs(number) < kTold) {
    return range(numbers, bounds_of(bound(node.kind), number));
  }
  const std::string tokens = tokens_field(node.field);
  const std::string same = double_token(number);
  const std::string token = number_token(value);
  Json queries = Json::array({range(numbers, bounds_of(is_less(node.kind) ? "lt" : "gt", number))});
  Json integers = bounds_of(bound(node.kind), token);
  integers[is_less(node.kind) ? "gte" : "lt"] = same + (is_less(node.kind) ? 'i' : 'j');
  queries.push_back(range(tokens, std::move(integers)));
  if (takes_equal(node.kind)) queries.push_back(terms(tokens, Json::array({same + 'd'})));
  return any_of(std::move(queries));
}

Json compares_string(const Node& node, const std::string& value) {
  if (is_id(node.field)) return range("id", bounds_of(bound(node.kind), value));
  Json bounds = bounds_of(bound(node.kind), string_token(value));
  bounds[is_less(node.kind) ? "gte" : "lt"] = is_less(node.kind) ? "2" : "3";
  return range(tokens_field(node.field), std::move(bounds));
}

Json equals_id(const Node& node) {
  Json ids = Json::array();
  for (const Json& value : node.values) {
    if (value.is_string()) ids.push_back(value);
  }
  return ids.empty() ? any_of(Json::array()) : terms("id", std::move(ids));
}

Json equals(const Node& node) {
  if (is_id(node.field)) return equals_id(node);
  const std::string field = tokens_field(node.field);
  Json wanted = Json::array();
  Json queries = Json::array();
  for (const Json& value : node.values) {
    if (value.is_null()) {
      queries.push_back(lacking(node.field));
    } else if (!value.is_number()) {
      wanted.push_back(value_token(value));
    } else if (const auto number = value.get<double>(); value.is_number_float() && std::abs(number) >= kTold) {
      queries.push_back(single("prefix", field, double_token(number)));
    } else {
      wanted.push_back(double_token(number) + 'd');
      wanted.push_back(value.is_number_float() ? double_token(number) + 'i' : number_token(value));
    }
  }
  if (!wanted.empty()) queries.push_back(terms(field, std::move(wanted)));
  return any_of(std::move(queries));
}

Clause translated(const Node& node);

Clause joined(const Node& node) {
  Json positive = Json::array();
  Json negative = Json::array();
  for (const auto& part : node.parts) {
    Clause clause = translated(*part);
    (clause.negative ? negative : positive).push_back(std::move(clause.query));
  }
  if (node.kind == Kind::all) {
    if (positive.empty()) return {.query = any_of(std::move(negative)), .negative = true};
    Json query = boolean("filter", std::move(positive));
    if (!negative.empty()) query["bool"]["must_not"] = std::move(negative);
    return {.query = std::move(query)};
  }
  if (positive.empty()) return {.query = all_of(std::move(negative)), .negative = true};
  if (!negative.empty()) positive.push_back(boolean("must_not", Json::array({all_of(std::move(negative))})));
  return {.query = any_of(std::move(positive))};
}

Clause translated(const Node& node) {
  switch (node.kind) {
    case Kind::any:
    case Kind::all: return joined(node);
    case Kind::negation: {
      Clause inside = translated(*node.parts.front());
      inside.negative = !inside.negative;
      return inside;
    }
    case Kind::equal: return {.query = equals(node)};
    default: break;
  }
  const Json& value = node.values.front();
  if (value.is_number() && !is_id(node.field)) return {.query = compares_number(node, value)};
  if (value.is_string()) return {.query = compares_string(node, value.get_ref<const std::string&>())};
  return {.query = any_of(Json::array())};
}

}  // namespace

bool is_id(const FieldName& field) { return field.size() == 1 && field.front() == kIdField; }

std::string tokens_field(const FieldName& field) { return is_id(field) ? "id" : "f." + lucene_key(field); }
std::string numbers_field(const FieldName& field) { return "n." + lucene_key(field); }

Json has_field(std::string_view name) { return {{"exists", {{"field", name}}}}; }
Json none_of(Json queries) { return boolean("must_not", std::move(queries)); }

Json lacking(const FieldName& field) {
  return any_of(Json::array(
      {none_of(Json::array({has_field(tokens_field(field))})), terms("nulls", Json::array({lucene_key(field)}))}));
}

Json all_of(Json clauses) {
  if (clauses.empty()) return {{"match_all", Json::object()}};
  if (clauses.size() == 1) return std::move(clauses.front());
  return boolean("filter", std::move(clauses));
}

Json filter_clauses(const Filter& filter, std::span<const std::string> exclude_ids) {
  Json clauses = Json::array();
  if (!filter.empty()) {
    Clause clause = translated(*filter.root());
    clauses.push_back(clause.negative ? none_of(Json::array({std::move(clause.query)})) : std::move(clause.query));
  }
  Json excluded = Json::array();
  while (!exclude_ids.empty()) {
    const auto some = exclude_ids.first(std::min(kMaxTerms, exclude_ids.size()));
    excluded.push_back(terms("id", Json(std::vector<std::string>(some.begin(), some.end()))));
    exclude_ids = exclude_ids.subspan(some.size());
  }
  if (!excluded.empty()) clauses.push_back(none_of(std::move(excluded)));
  return clauses;
}

}  // namespace eidetic
