#include "eidetic/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/filter_node.h"
#include "base/text.h"

namespace eidetic {

namespace {

using Node = Filter::Node;
using NodePtr = std::shared_ptr<const Node>;

// --- matching ---

bool same_kind(const Json& a, const Json& b) {
  return (a.is_number() && b.is_number()) || (a.is_string() && b.is_string());
}

bool compare(Node::Kind kind, const Json& found, const Json& value) {
  if (kind == Node::Kind::equal) return found == value;
  if (!same_kind(found, value)) return false;
  if (kind == Node::Kind::less) return found < value;
  if (kind == Node::Kind::less_or_equal) return found <= value;
  if (kind == Node::Kind::greater) return found > value;
  return found >= value;
}

// The item as the filter sees it; metadata is read when a field is first asked for.
class Subject {
 public:
  explicit Subject(const Item& item) : item_(item) {}

  Json field(const std::vector<std::string>& names) {
    if (names.front() == kIdField) return item_.id;
    if (names.front() == kUriField) return item_.uri;
    if (!metadata_) metadata_ = Json::parse(item_.metadata, nullptr, false);
    const Json* const found = find_field(*metadata_, names);
    return found == nullptr ? Json() : *found;
  }

 private:
  const Item& item_;
  std::optional<Json> metadata_;
};

bool passes(const Node& node, Subject& subject) {
  const auto part_passes = [&](const NodePtr& part) { return passes(*part, subject); };
  switch (node.kind) {
    case Node::Kind::any: return std::ranges::any_of(node.parts, part_passes);
    case Node::Kind::all: return std::ranges::all_of(node.parts, part_passes);
    case Node::Kind::negation: return !passes(*node.parts.front(), subject);
    default: break;
  }
  const Json found = subject.field(node.field);
  const auto one_passes = [&](const Json& entry) { return value_passes(node, entry); };
  return one_passes(found) || (found.is_array() && std::ranges::any_of(found, one_passes));
}

// --- parsing ---

bool begins_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || byte >= 0x80;
}
bool goes_on_word(char c) { return begins_word(c) || (c >= '0' && c <= '9') || c == '-'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePtr> run() {
    EIDETIC_TRY(NodePtr root, any());
    skip_space();
    if (at_ != text_.size()) return expected("'and', 'or' or the end");
    return root;
  }

  std::optional<std::vector<std::string>> field_alone() {
    auto names = field();
    skip_space();
    return names && at_ == text_.size() ? std::optional(*std::move(names)) : std::nullopt;
  }

 private:
  // Counts how deep the grammar is in parentheses and negations.
  struct Deeper {
    explicit Deeper(std::size_t& counter) : depth(counter) { ++depth; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ~Deeper() { --depth; }
    std::size_t& depth;
  };

  std::unexpected<Error> expected(std::string_view what) const {
    constexpr std::size_t kShown = 20;
    std::size_t end = std::min(text_.size(), at_ + kShown);
    while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80U) ++end;
    const auto rest = text_.substr(at_, end - at_);
    return fail(ErrorCode::invalid_argument,
                fmt::format("the filter, position {}: expected {}, {}", at_ + 1, what,
                            rest.empty() ? "but it ends here" : fmt::format("not '{}'", rest)));
  }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(std::string_view symbol) {
    skip_space();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  std::string_view word_ahead() const {
    std::size_t end = at_;
    if (end < text_.size() && begins_word(text_[end])) {
      while (end < text_.size() && goes_on_word(text_[end])) ++end;
    }
    return text_.substr(at_, end - at_);
  }
  bool take_word(std::string_view lower) {
    skip_space();
    const auto word = word_ahead();
    if (to_lower(word) != lower) return false;
    at_ += word.size();
    return true;
  }

  Result<NodePtr> any() { return list(Node::Kind::any, "or", &Parser::all); }
  Result<NodePtr> all() { return list(Node::Kind::all, "and", &Parser::negation); }

  Result<NodePtr> list(Node::Kind kind, std::string_view joint, Result<NodePtr> (Parser::*part)()) {
    Node node{.kind = kind};
    do {
      EIDETIC_TRY(node.parts.emplace_back(), (this->*part)());
    } while (take_word(joint));
    if (node.parts.size() == 1) return node.parts.front();
    return std::make_shared<const Node>(std::move(node));
  }

  Result<NodePtr> negation() {
    if (depth_ >= kMaxFilterDepth) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the filter, position {}: nested deeper than {} levels", at_ + 1, kMaxFilterDepth));
    }
    const Deeper deeper(depth_);
    if (take_word("not")) {
      EIDETIC_TRY(NodePtr part, negation());
      return negated(std::move(part));
    }
    if (take("(")) {
      EIDETIC_TRY(NodePtr inside, any());
      if (!take(")")) return expected("'and', 'or' or ')'");
      return inside;
    }
    if (take_word("exists")) {
      EIDETIC_TRY(auto names, field());
      return negated(std::make_shared<const Node>(
          Node{.kind = Node::Kind::equal, .field = std::move(names), .values = {Json(nullptr)}}));
    }
    EIDETIC_TRY(auto names, field());
    return test(std::move(names));
  }

  bool test_ends() {
    skip_space();
    if (at_ == text_.size() || text_[at_] == ')') return true;
    const std::string lower = to_lower(word_ahead());
    return lower == "and" || lower == "or";
  }

  static NodePtr negated(NodePtr part) {
    return std::make_shared<const Node>(Node{.kind = Node::Kind::negation, .parts = {std::move(part)}});
  }

  Result<NodePtr> test(std::vector<std::string> names) {
    Node node{.kind = Node::Kind::equal, .field = std::move(names)};
    if (test_ends()) {  // a field alone is one that is true
      node.values.emplace_back(true);
      return std::make_shared<const Node>(std::move(node));
    }
    const bool negative_in = take_word("not");
    if (take_word("in")) {
      EIDETIC_TRY(node.values, values());
    } else if (negative_in) {
      return expected("'in'");
    } else {
      struct Operator {
        std::string_view symbol;
        Node::Kind kind;
      };
      static constexpr Operator kOperators[] = {{"!=", Node::Kind::negation}, {"<=", Node::Kind::less_or_equal},
                                                {"<", Node::Kind::less},      {">=", Node::Kind::greater_or_equal},
                                                {">", Node::Kind::greater},   {"=", Node::Kind::equal}};
      const auto* found = std::ranges::find_if(kOperators, [&](const auto& known) { return take(known.symbol); });
      if (found == std::end(kOperators)) return expected("=, !=, <, <=, >, >= or 'in'");
      EIDETIC_TRY(node.values.emplace_back(), value());
      if (found->kind != Node::Kind::negation) {
        node.kind = found->kind;
        return std::make_shared<const Node>(std::move(node));
      }
      return negated(std::make_shared<const Node>(std::move(node)));
    }
    auto inside = std::make_shared<const Node>(std::move(node));
    return negative_in ? negated(std::move(inside)) : NodePtr(std::move(inside));
  }

  Result<std::vector<std::string>> field() {
    skip_space();
    for (const auto pseudo : {kIdField, kUriField}) {
      if (!text_.substr(at_).starts_with(pseudo)) continue;
      at_ += pseudo.size();
      return std::vector<std::string>{std::string(pseudo)};
    }
    std::vector<std::string> names;
    do {
      EIDETIC_TRY(names.emplace_back(), name());
    } while (at_ < text_.size() && text_[at_] == '.' && ++at_ > 0);
    return names;
  }

  Result<std::string> name() {
    constexpr std::string_view kField = "a field";
    if (at_ < text_.size() && text_[at_] == '`') {
      const auto end = text_.find('`', at_ + 1);
      if (end == std::string_view::npos || end == at_ + 1) return expected("a field's name between backticks");
      std::string quoted(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return quoted;
    }
    const auto word = word_ahead();
    const std::string lower = to_lower(word);
    if (word.empty() || lower == "and" || lower == "or" || lower == "not" || lower == "in") return expected(kField);
    at_ += word.size();
    return std::string(word);
  }

  Result<std::vector<Json>> values() {
    if (!take("(")) return expected("'('");
    std::vector<Json> list;
    do {
      EIDETIC_TRY(list.emplace_back(), value());
    } while (take(","));
    if (!take(")")) return expected("',' or ')'");
    return list;
  }

  Result<Json> value() {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return string();
    if (take_word("true")) return Json(true);
    if (take_word("false")) return Json(false);
    if (take_word("null")) return Json(nullptr);
    return number();
  }

  Result<Json> string() {
    const char quote = text_[at_];
    const std::size_t begin = at_++;
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_];
      if (c == '\\') {
        constexpr std::string_view kEscapes = "\"'\\nt";
        constexpr std::string_view kMeant = "\"'\\\n\t";
        const auto escape = at_ + 1 < text_.size() ? kEscapes.find(text_[at_ + 1]) : std::string_view::npos;
        if (escape == std::string_view::npos) return expected(R"(one of \" \' \\ \n \t)");
        c = kMeant[escape];
        ++at_;
      }
      value += c;
      ++at_;
    }
    if (at_ == text_.size()) {
      at_ = begin;
      return expected(fmt::format("a string that ends with {}", quote));
    }
    ++at_;
    return Json(std::move(value));
  }

  Result<Json> number() {
    const auto rest = text_.substr(at_);
    const auto length = std::min(rest.find_first_not_of("+-.0123456789eE"), rest.size());
    const char* const end = rest.data() + length;
    std::int64_t integer = 0;
    double real = 0;
    std::optional<Json> value;
    if (std::from_chars(rest.data(), end, integer).ptr == end && length > 0) {
      value = integer;
    } else if (const auto [stop, status] = std::from_chars(rest.data(), end, real);
               stop == end && status == std::errc{} && length > 0 && std::isfinite(real)) {
      value = real;
    }
    if (!value) return expected("a value: a string in quotes, a number, true, false or null");
    at_ += length;
    return *std::move(value);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

void collect_fields(const Node& node, std::vector<FieldName>& fields) {
  if (!node.field.empty()) fields.push_back(node.field);
  for (const auto& part : node.parts) collect_fields(*part, fields);
}

std::shared_ptr<const Node> renamed(const Node& node, std::string_view from, std::string_view to) {
  auto copy = std::make_shared<Node>(node);
  if (!copy->field.empty() && copy->field.front() == from) copy->field.front() = to;
  for (auto& part : copy->parts) part = renamed(*part, from, to);
  return copy;
}

}  // namespace

Filter rename_field(const Filter& filter, std::string_view from, std::string_view to) {
  return filter.empty() ? filter : Filter(filter.text(), renamed(*filter.root(), from, to));
}

std::vector<FieldName> fields_of(const Filter& filter) {
  std::vector<FieldName> fields;
  if (!filter.empty()) collect_fields(*filter.root(), fields);
  return fields;
}

std::string to_string(const FieldName& field) {
  std::string text;
  for (const auto& name : field) {
    if (!text.empty()) text += '.';
    const auto read = parse_field(name);
    text += read && read->size() == 1 && read->front() == name ? name : fmt::format("`{}`", name);
  }
  return text;
}

bool value_passes(const Filter::Node& node, const Json& value) {
  return std::ranges::any_of(node.values, [&](const Json& wanted) { return compare(node.kind, value, wanted); });
}

const Json* find_field(const Json& metadata, std::span<const std::string> names) {
  const Json* at = &metadata;
  for (const auto& name : names) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

bool Filter::matches(const Item& item) const {
  if (root_ == nullptr) return true;
  Subject subject(item);
  return passes(*root_, subject);
}

Result<FieldName> parse_field(std::string_view text) {
  if (text.size() <= kMaxFilterBytes && is_utf8(text)) {
    if (auto names = Parser(text).field_alone()) return *std::move(names);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' names no field: write it as in a filter, 'a.b' for a field in a field, and names with "
                          "other characters between backticks",
                          text));
}

Result<Filter> parse_filter(std::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the filter has {} bytes; at most {} are possible", text.size(), kMaxFilterBytes));
  }
  if (!is_utf8(text)) return fail(ErrorCode::invalid_argument, "the filter is no UTF-8");
  if (std::ranges::all_of(text, is_space)) return Filter();
  EIDETIC_TRY(NodePtr root, Parser(text).run());
  return Filter(text, std::move(root));
}

}  // namespace eidetic
