// For tests of stores: fields, items, and metadata and filters of every kind.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cluster/document_store.h"

namespace eidetic {

inline VectorField table_field(std::string name = "v0", Metric metric = Metric::cosine, std::string index = "auto") {
  VectorField made{.name = std::move(name), .space = {}, .index = std::move(index)};
  made.space.dimensions = 4;
  made.space.metric = metric;
  return made;
}

inline Item table_item(std::string id, Vector vector, std::string metadata = "{}") {
  Item made;
  made.id = std::move(id);
  made.vector = std::move(vector);
  made.metadata = std::move(metadata);
  return made;
}

// Values of every kind, equal ones in several spellings, and lists of them.
inline std::string any_value(std::mt19937& random) {
  constexpr std::array kValues = {"1",     "1.0",   "-0.0",  "0",    "2.5",  "17",       "9007199254740993",
                                  "1e300", "\"a\"", "\"b\"", "\"\"", "true", "false",    "null",
                                  "{}",    "[]",    "[[1]]", "-3",   "0.1",  "\"Ä\\n\"", "9007199254740992.0"};
  const auto one = [&] { return std::string(kValues[random() % kValues.size()]); };
  if (random() % 4 != 0) return one();
  return fmt::format("[{},{}]", one(), one());
}

inline std::string any_metadata(std::mt19937& random) {
  std::string text;
  for (const char* const field : {"a", "b_c", "o.d", "ü x"}) {
    if (random() % 4 == 0) continue;
    text += fmt::format(R"({}"{}":{})", text.empty() ? "" : ",", field, any_value(random));
  }
  if (random() % 2 == 0) {
    text += fmt::format(R"({}"o":{{"d":{},"e":{{"f":{}}}}})", text.empty() ? "" : ",", any_value(random),
                        any_value(random));
  }
  return "{" + text + "}";
}

inline std::string any_comparison(std::mt19937& random) {
  constexpr std::array kFields = {"a", "b_c", "o.d", "o.e.f", "`o.d`", "`ü x`", "o", "gone"};
  constexpr std::array kWanted = {"1",     "2.5", "0",  "-3",   "0.1", "9007199254740993",
                                  "1e300", "'a'", "''", "true", "null"};
  constexpr std::array kBounds = {"1", "2.5", "0", "-3", "0.1", "1e300"};
  constexpr std::array kOrders = {"<", "<=", ">", ">="};
  const char* const field = kFields[random() % kFields.size()];
  const auto wanted = [&] { return kWanted[random() % kWanted.size()]; };
  switch (random() % 6) {
    case 0: return fmt::format("exists {}", field);
    case 1: return fmt::format("{} in ({}, {})", field, wanted(), wanted());
    case 2: return fmt::format("{} != {}", field, wanted());
    case 3: return random() % 3 == 0 ? fmt::format("@id in ('item-{}', 'none')", random() % 50) : "@uri = 'u'";
    case 4:
      return fmt::format("{} {} {}", field, kOrders[random() % kOrders.size()], kBounds[random() % kBounds.size()]);
    default: return fmt::format("{} = {}", field, wanted());
  }
}

inline std::string any_filter(std::mt19937& random, int depth = 3) {
  if (depth == 0 || random() % 3 == 0) return any_comparison(random);
  const auto part = [&] { return any_filter(random, depth - 1); };
  switch (random() % 3) {
    case 0: return fmt::format("not ({})", part());
    case 1: return fmt::format("({}) and ({})", part(), part());
    default: return fmt::format("({}) or ({})", part(), part());
  }
}

}  // namespace eidetic
