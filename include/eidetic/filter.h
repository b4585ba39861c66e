// Which items are meant, by their metadata: `label = "shoe" and (price < 50 or exists sale.until)`.
//
//   filter     = conjunction { "or" conjunction }
//   conjunction = negation { "and" negation }
//   negation   = "not" negation | "(" filter ")" | "exists" field | field [ test ]
//   test       = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value | [ "not" ] "in" "(" value { "," value } ")"
//   value      = "…" or '…' (\" \' \\ \n \t) | a number as in JSON | true | false | null
//   field      = name { "." name }, each a bare word or anything `between backticks`; or @id, @uri
//
// Words in quotes above are taken in any case. Values compare with values of their kind: numbers by value, strings
// bytewise; of a list any entry may pass. A field that is not there is null. `!=` is `not =`, so it passes where the
// field is missing; `<` and its like never pass for other kinds. `exists` is `!= null`.
// A field without a test is `= true`.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/item.h"

namespace eidetic {

inline constexpr std::size_t kMaxFilterBytes = 10'000;
inline constexpr std::size_t kMaxFilterDepth = 64;  // of parentheses and `not`

// Immutable and cheap to copy: any call from any thread.
class Filter {
 public:
  Filter() = default;  // of no words: passes everything

  [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
  // What it was parsed from.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // By id, uri and metadata; metadata that is no JSON object counts as {}.
  [[nodiscard]] bool matches(const Item& item) const;

  struct Node;  // see src/base/filter_node.h
  // Null: of no words.
  [[nodiscard]] const Node* root() const noexcept { return root_.get(); }

 private:
  friend Result<Filter> parse_filter(std::string_view text);
  friend Filter rename_field(const Filter& filter, std::string_view from, std::string_view to);
  Filter(std::string_view text, std::shared_ptr<const Node> root) : text_(text), root_(std::move(root)) {}

  std::string text_;
  std::shared_ptr<const Node> root_;
};

// Blank text gives the filter that passes everything. Errors: invalid_argument with the position (in bytes, from 1) and
// what was expected there; too long, or nested too deep.
[[nodiscard]] Result<Filter> parse_filter(std::string_view text);

}  // namespace eidetic
