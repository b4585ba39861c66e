// What a collection is, as one note in the engine: the truth that every process reads, and changes by compare-and-set.
//
//   collection/NAME  {"format": 1, "table", "created_ms", "index", "settings", "era", "fields", "space", "field",
//                     "other": {"space", "field"} | null, "parts": {"table", "most"} | null, "switching_until_ms"}
//
// A space is {"model", "hash", "dimensions", "metric", "precision"}; settings are a string that holds a JSON object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eidetic/backend.h"
#include "eidetic/error.h"
#include "eidetic/space.h"

#include "cluster/document_store.h"

namespace eidetic {

struct Descriptor {
  struct Other {
    Space space;
    std::string field;
  };
  struct Parts {
    std::string table;
    std::size_t most = 0;  // parts that an item has at most
  };
  CollectionSpec spec;
  std::string table;
  std::int64_t created_ms = 0;
  std::uint32_t fields = 1;  // that its tables have had so far, for the name of the next
  std::string field = "v0";  // where the vectors are that are searched
  std::optional<Other> other = {};
  std::optional<Parts> parts = {};
  // Above 0: somebody changes its space; until then, in milliseconds since 1970, nobody stores vectors.
  std::int64_t switching_until_ms = 0;
  std::string revision = {};  // of the note; not in it

  [[nodiscard]] VectorField searched() const { return {.name = field, .space = spec.space, .index = spec.index}; }
  // There is another space.
  [[nodiscard]] VectorField beside() const {
    return {.name = other->field, .space = other->space, .index = spec.index};
  }
};

inline constexpr std::string_view kDescriptorPrefix = "collection/";
[[nodiscard]] std::string descriptor_key(std::string_view collection);

// invalid_argument: they would be no JSON object.
[[nodiscard]] Result<void> edit_settings(Descriptor& descriptor, const EditSettings& edit);

[[nodiscard]] std::string to_text(const Descriptor& descriptor);
// conflict naming the collection: written by another version, or by somebody else.
[[nodiscard]] Result<Descriptor> parse_descriptor(std::string_view collection, const DocumentStore::Note& note);

}  // namespace eidetic
