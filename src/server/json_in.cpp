#include "server/json_in.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <utility>

#include "base/base64.h"
#include "base/text.h"
#include "server/http_message.h"

namespace eidetic {
namespace {

namespace dom = simdjson::dom;
using Names = std::initializer_list<std::string_view>;

std::unexpected<Error> wrong(std::string_view where, std::string_view expected) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: {} is expected", where, expected));
}

std::unexpected<Error> unknown(std::string_view where, std::string_view key, Names known) {
  std::vector<std::string> names;
  for (const auto name : known) names.emplace_back(name);
  return fail(ErrorCode::invalid_argument, fmt::format("{}unknown field '{}'{}", where, key, did_you_mean(key, names)));
}

// Valid until the next document of this thread.
Result<dom::element> parse_document(const char* data, std::size_t size, bool padded, std::string_view what) {
  thread_local dom::parser parser;
  dom::element document;
  if (const auto failed = parser.parse(data, size, !padded).get(document); failed) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is no JSON: {}", what, simdjson::error_message(failed)));
  }
  return document;
}

Result<dom::element> parse_body(const std::string& body) {
  return parse_document(body.data(), body.size(), body.capacity() >= body.size() + simdjson::SIMDJSON_PADDING,
                        "the body");
}

Result<dom::object> object(dom::element value, std::string_view where) {
  dom::object result;
  if (value.get(result)) return wrong(where, "an object");
  return result;
}

Result<dom::array> array(dom::element value, std::string_view where) {
  dom::array result;
  if (value.get(result)) return wrong(where, "an array");
  return result;
}

Result<std::string> text(dom::element value, std::string_view where) {
  std::string_view result;
  if (value.get(result)) return wrong(where, "a string");
  return std::string(result);
}

Result<bool> boolean(dom::element value, std::string_view where) {
  bool result = false;
  if (value.get(result)) return wrong(where, "true or false");
  return result;
}

Result<double> number(dom::element value, std::string_view where) {
  double result = 0;
  if (value.get(result)) return wrong(where, "a number");
  return result;
}

// 0 to 1, or "auto".
Result<double> confidence(dom::element value, std::string_view where) {
  if (std::string_view name; !value.get(name) && name == "auto") return kRecommendedConfidence;
  double result = 0;
  if (value.get(result) || !(result >= 0 && result <= 1)) return wrong(where, "a number from 0 to 1, or \"auto\",");
  return result;
}

Result<std::uint32_t> integer(dom::element value, std::string_view where, std::uint32_t least, std::uint32_t most) {
  double result = 0;  // 10.0 is the integer 10 in JSON
  if (value.get(result) || result != std::floor(result) || result < least || result > most) {
    return wrong(where, fmt::format("a whole number from {} to {}", least, most));
  }
  return static_cast<std::uint32_t>(result);
}

Result<Vector> vector(dom::element value, std::string_view where) {
  EIDETIC_TRY(const dom::array values, array(value, where));
  Vector result;
  result.reserve(values.size());
  for (const dom::element component : values) {
    double number = 0;
    if (component.get(number)) return wrong(fmt::format("{}[{}]", where, result.size()), "a number");
    result.push_back(static_cast<float>(number));
  }
  if (result.empty()) return wrong(where, "an array of at least one number");
  return result;
}

Result<std::vector<std::byte>> byte_values(dom::element value, std::string_view where) {
  EIDETIC_TRY(const dom::array values, array(value, where));
  std::vector<std::byte> result;
  result.reserve(values.size());
  for (const dom::element component : values) {
    double number = 0;
    if (component.get(number) || number != std::floor(number) || number < 0 || number > 255) {
      return wrong(fmt::format("{}[{}]", where, result.size()), "a whole number from 0 to 255");
    }
    result.push_back(static_cast<std::byte>(number));
  }
  return result;
}

Result<std::vector<std::byte>> base64(dom::element value, std::string_view where) {
  EIDETIC_TRY(const std::string encoded, text(value, where));
  auto bytes = decode_base64(encoded);
  if (!bytes) return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", where, bytes.error().message));
  return bytes;
}

// An empty picture is not the same as none.
Result<void> check_bytes(const std::vector<std::byte>& bytes, std::string_view where) {
  if (bytes.empty()) return fail(ErrorCode::invalid_argument, fmt::format("{}: the picture is empty", where));
  return {};
}

// uri, base64 or bytes; false: `key` is none of them.
Result<bool> read_source(std::string_view key, dom::element value, const std::string& where, std::string& uri,
                         std::vector<std::byte>& bytes) {
  if (key == "uri") {
    EIDETIC_TRY(uri, text(value, where));
    if (uri.empty()) return wrong(where, "a URL, a path or data:");
    return true;
  }
  if (key != "base64" && key != "bytes") return false;
  EIDETIC_TRY(bytes, key == "base64" ? base64(value, where) : byte_values(value, where));
  EIDETIC_CHECK(check_bytes(bytes, where));
  return true;
}

Result<Crop> crop_of(dom::element value, const std::string& where) {
  EIDETIC_TRY(const dom::object fields, object(value, where));
  constexpr double kUnset = std::numeric_limits<double>::quiet_NaN();
  std::array<double, 4> sides = {kUnset, kUnset, kUnset, kUnset};
  constexpr std::array<std::string_view, 4> kSides = {"x", "y", "width", "height"};
  for (const auto& [key, side] : fields) {
    const auto found = std::ranges::find(kSides, key);
    if (found == kSides.end()) return unknown(where + ": ", key, {"x", "y", "width", "height"});
    EIDETIC_TRY(sides[static_cast<std::size_t>(found - kSides.begin())],
                number(side, fmt::format("{}.{}", where, key)));
  }
  if (std::ranges::any_of(sides, [](double side) { return std::isnan(side); })) {
    return wrong(where, "an object of x, y, width and height");
  }
  return Crop{.x = sides[0], .y = sides[1], .width = sides[2], .height = sides[3]};
}

// A term whose fields come one by one.
class TermFields {
 public:
  explicit TermFields(std::string prefix) : prefix_(std::move(prefix)) {}

  // False: `key` is no field of a term.
  Result<bool> read(std::string_view key, dom::element value) {
    const std::string where = fmt::format("{}{}", prefix_, key);
    std::string uri;
    EIDETIC_TRY(const bool source, read_source(key, value, where, uri, term_.bytes));
    if (source) {
      if (!uri.empty()) term_.value = std::move(uri);
      return set(key, key == "uri" ? Term::Kind::picture : Term::Kind::bytes);
    }
    if (key == "id" || key == "text") {
      EIDETIC_TRY(term_.value, text(value, where));
      return set(key, key == "id" ? Term::Kind::id : Term::Kind::text);
    }
    if (key == "vector") {
      EIDETIC_TRY(term_.vector, vector(value, where));
      return set(key, Term::Kind::vector);
    }
    if (key == "crop") {
      EIDETIC_TRY(term_.crop, crop_of(value, where));
      return any_ = true;
    }
    if (key == "weight") {
      EIDETIC_TRY(term_.weight, number(value, where));
      return any_ = true;
    }
    return false;
  }

  [[nodiscard]] bool any() const noexcept { return any_; }

  Result<Term> finish() && {
    const std::string_view where =
        prefix_.empty() ? "the query" : std::string_view(prefix_).substr(0, prefix_.size() - 1);
    if (kind_.empty()) return wrong(where, "one of uri, base64, bytes, id, text and vector");
    if (term_.crop && (term_.kind == Term::Kind::text || term_.kind == Term::Kind::vector)) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: only pictures can be cropped", where));
    }
    return std::move(term_);
  }

 private:
  Result<bool> set(std::string_view key, Term::Kind kind) {
    if (!kind_.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}{} and {}{} are given; a term has only one of them", prefix_, kind_, prefix_, key));
    }
    kind_ = key;
    term_.kind = kind;
    return any_ = true;
  }

  std::string prefix_;
  Term term_;
  std::string kind_;
  bool any_ = false;
};

Result<std::vector<Term>> terms_of(dom::element value, const std::string& where) {
  EIDETIC_TRY(const dom::array list, array(value, where));
  std::vector<Term> terms;
  for (const dom::element element : list) {
    if (terms.size() == kMaxTerms) return wrong(where, fmt::format("an array of at most {} terms", kMaxTerms));
    const std::string here = fmt::format("{}[{}]", where, terms.size());
    EIDETIC_TRY(const dom::object fields, object(element, here));
    TermFields term(here + ".");
    for (const auto& [key, field] : fields) {
      EIDETIC_TRY(const bool read, term.read(key, field));
      if (!read) {
        return unknown(here + ": ", key, {"uri", "base64", "bytes", "id", "text", "vector", "crop", "weight"});
      }
    }
    EIDETIC_TRY(terms.emplace_back(), std::move(term).finish());
  }
  if (terms.empty()) return wrong(where, "an array of at least one term");
  return terms;
}

// False: `key` is no option of a query.
Result<bool> read_option(std::string_view key, dom::element value, Query& query) {
  if (key == "terms") {
    EIDETIC_TRY(query.terms, terms_of(value, "terms"));
  } else if (key == "k") {
    EIDETIC_TRY(query.k, integer(value, key, 1, kMaxK));
  } else if (key == "filter") {
    EIDETIC_TRY(query.filter, text(value, key));
  } else if (key == "min_similarity") {
    EIDETIC_TRY(query.min_similarity_pct, number(value, key));
  } else if (key == "exclude_self") {
    EIDETIC_TRY(query.exclude_terms, boolean(value, key));
  } else if (key == "ef") {
    EIDETIC_TRY(query.depth.ef, integer(value, key, 0, kMaxEf));
  } else if (key == "nprobe") {
    EIDETIC_TRY(query.depth.nprobe, integer(value, key, 0, kMaxNprobe));
  } else if (key == "rescore") {
    EIDETIC_TRY(query.depth.rescore, integer(value, key, 0, kMaxEf));
  } else if (key == "model") {
    EIDETIC_TRY(query.model, text(value, key));
  } else if (key == "augment") {
    EIDETIC_TRY(const std::string name, text(value, key));
    EIDETIC_TRY(query.augment, parse_augmentation(name));
  } else if (key == "min_confidence") {
    EIDETIC_TRY(query.min_confidence, confidence(value, key));
  } else if (key == "classify") {
    EIDETIC_TRY(query.classify, text(value, key));
  } else if (key == "class") {
    EIDETIC_TRY(query.class_name, text(value, key));
  } else if (key == "class_confidence") {
    EIDETIC_TRY(query.min_class_confidence, number(value, key));
  } else if (key == "regions") {
    EIDETIC_TRY(query.regions, boolean(value, key));
  } else if (key == "collapse") {
    EIDETIC_TRY(query.collapse, boolean(value, key));
  } else if (key == "verify") {
    EIDETIC_TRY(query.verify, integer(value, key, 0, kMaxVerify));
  } else if (key == "seed") {
    EIDETIC_TRY(query.seed, integer(value, key, 0, UINT32_MAX));
  } else {
    return false;
  }
  return true;
}

Result<Query> query_of(dom::element value) {
  EIDETIC_TRY(const dom::object fields, object(value, "the query"));
  Query query;
  TermFields single("");
  for (const auto& [key, field] : fields) {
    EIDETIC_TRY(const bool of_term, single.read(key, field));
    if (of_term) continue;
    EIDETIC_TRY(const bool option, read_option(key, field, query));
    if (!option) {
      return unknown("", key, {"terms",          "k",        "filter", "min_similarity",   "exclude_self", "ef",
                               "nprobe",         "rescore",  "model",  "augment",          "seed",         "verify",
                               "min_confidence", "classify", "class",  "class_confidence", "uri",          "base64",
                               "bytes",          "id",       "text",   "vector",           "crop",         "weight",
                               "regions",        "collapse"});
    }
  }
  if (!query.terms.empty()) {
    if (single.any()) return wrong("the query", "either terms, or the fields of a single one,");
    return query;
  }
  EIDETIC_TRY(query.terms.emplace_back(), std::move(single).finish());
  return query;
}

Result<NewItem> item_of(dom::element value, const std::string& prefix) {
  EIDETIC_TRY(const dom::object fields, object(value, prefix.empty() ? "the item" : prefix));
  NewItem item;
  std::string source;
  const std::string lead = prefix.empty() ? "" : prefix + ".";
  for (const auto& [key, field] : fields) {
    const std::string where = fmt::format("{}{}", lead, key);
    EIDETIC_TRY(const bool read, read_source(key, field, where, item.uri, item.bytes));
    if (read) {
      if (!source.empty()) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{0}{1} and {0}{2} are given; a picture has only one of them", lead, source, key));
      }
      source = key;
    } else if (key == "id") {
      EIDETIC_TRY(item.id, text(field, where));
      if (item.id.empty()) return wrong(where, "at least one character");
    } else if (key == "vector") {
      EIDETIC_TRY(item.vector, vector(field, where));
    } else if (key == "metadata") {
      EIDETIC_CHECK(object(field, where));
      item.metadata = simdjson::minify(field);
    } else if (key == "exif") {
      EIDETIC_TRY(const auto name, text(field, where));
      EIDETIC_TRY(item.exif, parse_exif_fields(name));
    } else {
      return unknown(prefix.empty() ? "" : prefix + ": ", key,
                     {"uri", "base64", "bytes", "id", "vector", "metadata", "exif"});
    }
  }
  if (source.empty() && item.vector.empty()) {
    return wrong(prefix.empty() ? "the item" : prefix, "one of uri, base64, bytes and vector");
  }
  return item;
}

}  // namespace

Result<Query> parse_query(const std::string& body) {
  EIDETIC_TRY(const dom::element document, parse_body(body));
  return query_of(document);
}

Result<std::vector<Result<Query>>> parse_queries(const std::string& body, std::size_t most) {
  EIDETIC_TRY(const dom::element document, parse_body(body));
  EIDETIC_TRY(const dom::object fields, object(document, "the body"));
  std::vector<Result<Query>> queries;
  for (const auto& [key, value] : fields) {
    if (key != "queries") return unknown("", key, {"queries"});
    EIDETIC_TRY(const dom::array list, array(value, key));
    if (list.size() > most) return wrong(key, fmt::format("an array of at most {} queries", most));
    for (const dom::element query : list) queries.push_back(query_of(query));
  }
  if (queries.empty()) return wrong("queries", "an array of at least one query");
  return queries;
}

Result<NewItems> parse_new_items(const std::string& body) {
  EIDETIC_TRY(const dom::element document, parse_body(body));
  EIDETIC_TRY(const dom::object fields, object(document, "the body"));
  NewItems result;
  dom::element list;
  if (fields["items"].get(list)) {
    result.single = true;
    result.items.push_back(item_of(document, ""));
    return result;
  }
  if (fields.size() != 1) return wrong("the body", "either one item, or items alone,");
  EIDETIC_TRY(const dom::array items, array(list, "items"));
  if (items.size() < 1 || items.size() > kMaxNewItems) {
    return wrong("items", fmt::format("an array of 1 to {} items", kMaxNewItems));
  }
  for (const dom::element item : items) {
    result.items.push_back(item_of(item, fmt::format("items[{}]", result.items.size())));
  }
  return result;
}

Result<NewItems> parse_item_lines(const std::string& body) {
  NewItems result;
  std::size_t number = 0;
  for (const std::string_view line : split(body, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    if (result.items.size() == kMaxNewItems) return wrong("the body", fmt::format("at most {} items", kMaxNewItems));
    const std::string where = fmt::format("line {}", number);
    const auto document = parse_document(line.data(), line.size(), false, where);
    result.items.push_back(document ? item_of(*document, where) : std::unexpected(document.error()));
  }
  if (result.items.empty()) return wrong("the body", "at least one line with an item");
  return result;
}

Result<NewItem> parse_picture(const std::string& body) {
  EIDETIC_TRY(const dom::element document, parse_body(body));
  EIDETIC_TRY(NewItem item, item_of(document, ""));
  if (item.metadata || !item.id.empty() || !item.vector.empty() || item.exif != ExifFields::none) {
    return wrong("the body", "a picture as uri, base64 or bytes, and nothing else,");
  }
  return item;
}

Result<PictureSource> parse_picture_source(const std::string& body) {
  EIDETIC_TRY(const dom::element document, parse_body(body));
  EIDETIC_TRY(const dom::object fields, object(document, "the body"));
  PictureSource source;
  if (dom::element ignored; fields["collection"].get(ignored) && fields["id"].get(ignored)) {
    EIDETIC_TRY(source.picture, parse_picture(body));
    return source;
  }
  for (const auto& [key, value] : fields) {
    if (key != "collection" && key != "id") return unknown("", key, {"collection", "id"});
    EIDETIC_TRY((key == "id" ? source.picture.id : source.collection), text(value, key));
  }
  if (source.collection.empty() || source.picture.id.empty()) {
    return wrong("the body", "an item as collection and id, or a picture as uri, base64 or bytes,");
  }
  return source;
}

Result<OlderRequest> parse_older_request(const std::string& body, bool needs_id, bool needs_results) {
  EIDETIC_TRY(const dom::element document, parse_body(body));
  EIDETIC_TRY(const dom::object fields, object(document, "the body"));
  const auto need = [&](std::string_view name) -> Result<dom::element> {
    dom::element value;
    if (fields[name].get(value))
      return fail(ErrorCode::invalid_argument, fmt::format("the field '{}' is missing", name));
    return value;
  };
  OlderRequest request;
  EIDETIC_TRY(const auto collection, need("collection_name"));
  EIDETIC_TRY(request.collection, text(collection, "collection_name"));
  if (needs_id) {
    EIDETIC_TRY(const auto id, need("id"));
    if (std::int64_t digits = 0; !id.get(digits)) {
      request.id = std::to_string(digits);
    } else {
      EIDETIC_TRY(request.id, text(id, "id"));
    }
    if (request.id.empty()) return wrong("id", "at least one character");
  }
  if (needs_results) {
    EIDETIC_TRY(const auto results, need("n_results"));
    EIDETIC_TRY(request.results, integer(results, "n_results", 1, kMaxK));
  }
  EIDETIC_TRY(const auto source, need("source"));
  EIDETIC_TRY(const dom::object kinds, object(source, "source"));
  if (kinds.size() != 1) return wrong("source", "exactly one of Url and ImageBytes");
  dom::element value;
  if (!kinds["Url"].get(value)) {
    EIDETIC_TRY(request.picture.uri, text(value, "source.Url"));
    const std::string url = to_lower(request.picture.uri);
    if (!url.starts_with("http://") && !url.starts_with("https://")) return wrong("source.Url", "an http or https URL");
    return request;
  }
  if (kinds["ImageBytes"]["bytes"].get(value)) return wrong("source", "exactly one of Url and ImageBytes");
  EIDETIC_TRY(request.picture.bytes, byte_values(value, "source.ImageBytes.bytes"));
  EIDETIC_CHECK(check_bytes(request.picture.bytes, "source.ImageBytes.bytes"));
  return request;
}

}  // namespace eidetic
