// What a recipe needs to know of a collection's items: whether they are the same as before, and which are searched
// with.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

struct PickedItem {
  std::string id;
  std::optional<std::string> label = {};
};

struct ItemsLook {
  std::uint64_t items = 0;
  // SHA-256 (hex): of ids, contents and the labels asked for; the same with all metadata.
  std::string labelled, everything;
  std::vector<PickedItem> picked;
};

struct LookRequest {
  std::vector<std::string> labels = {};  // fields, or kFolderLabel, that `labelled` is of
  // How many items are picked, of those that have the label `label` (empty: of all): those whose checksum with the seed
  // is least. So a pick depends on nothing but ids and seed, and most of it stays when items come and go.
  std::uint32_t count = 0;
  std::uint64_t seed = 0;
  std::string label = {};
};

// Reads all items, a page at a time. not_found where none has the label, naming the fields that there are.
[[nodiscard]] Result<ItemsLook> look_at_items(Engine& engine, const std::string& collection,
                                              const LookRequest& request);

// A query for each picked item, which it leaves out of its answer: `query` with that term.
[[nodiscard]] Query sample_query(const Query& query, const std::string& id);

}  // namespace eidetic
