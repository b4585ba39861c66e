// The JSON bodies that carry pictures and vectors, parsed fast (simdjson): queries and items. Others are read with
// base/json.h.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

// All errors are invalid_argument naming the field ("terms[2].crop.width"). Bodies need kBodyPadding bytes of capacity
// beyond their size, or are copied.

// A Query of docs/openapi.yaml. `default_crop` etc. come from its fields.
[[nodiscard]] Result<Query> parse_query(const std::string& body);
// {"queries": […]}: at most `most`. A query that is wrong fails alone.
[[nodiscard]] Result<std::vector<Result<Query>>> parse_queries(const std::string& body, std::size_t most);

struct NewItems {
  std::vector<Result<NewItem>> items;
  bool single = false;  // the body was one item, not a list of them
};
inline constexpr std::size_t kMaxNewItems = 10'000;
// A NewItem, or {"items": […]}. An item that is wrong fails alone.
[[nodiscard]] Result<NewItems> parse_new_items(const std::string& body);
// One NewItem a line; empty lines are passed over.
[[nodiscard]] Result<NewItems> parse_item_lines(const std::string& body);
// A Picture: exactly one of uri, base64, bytes.
[[nodiscard]] Result<NewItem> parse_picture(const std::string& body);
// A Picture, or {"collection": …, "id": …}: that of an item.
struct PictureSource {
  std::string collection;  // empty: `picture` has it
  NewItem picture;         // or the id of the item alone
};
[[nodiscard]] Result<PictureSource> parse_picture_source(const std::string& body);

// {"Url": …} or {"ImageBytes": {"bytes": […]}} with an id and a collection beside it, as older clients send it.
struct OlderRequest {
  std::string collection;
  std::string id;             // a number is taken as its digits; empty where none is given
  std::uint32_t results = 0;  // 0: not given
  NewItem picture;
};
[[nodiscard]] Result<OlderRequest> parse_older_request(const std::string& body, bool needs_id, bool needs_results);

}  // namespace eidetic
