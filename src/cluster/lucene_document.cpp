#include "cluster/lucene_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::size_t kMaxId = 512;
constexpr std::size_t kMaxKey = 200;
constexpr std::size_t kDigest = 64;
constexpr std::size_t kDoubleToken = 17;  // "1" and 16 digits
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr double kTold = 9007199254740992;  // 2^53: below it every integer is a double of its own
constexpr int kMiddle = 0x800;              // of three digits

std::string digest(std::string_view text) { return sha256_hex(as_bytes(text)); }

// A whole number as a double has it, modulo 2^64; differences of those that are near each other are exact.
std::uint64_t wrapped(double whole) {
  if (whole < 0) return static_cast<std::uint64_t>(static_cast<std::int64_t>(whole));
  return whole < 18446744073709551616.0 ? static_cast<std::uint64_t>(whole) : 0;
}

double double_of(std::string_view digits) {
  std::uint64_t bits = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
  return std::bit_cast<double>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
}

Json integer_of(double rounded, int rest) {
  const std::uint64_t bits = wrapped(rounded) + static_cast<std::uint64_t>(std::int64_t{rest});
  return rounded < 0 ? Json(static_cast<std::int64_t>(bits)) : Json(bits);
}

// A document's fields made of metadata.
class MetadataFields {
 public:
  void add(const FieldName& path, const Json& value) {
    const std::string key = lucene_key(path);
    Json tokens = Json::array();
    Json numbers = Json::array();
    bool has_null = false;
    const auto take = [&](const Json& entry) {
      if (entry.is_null()) {
        has_null = true;
        return;
      }
      tokens.push_back(entry.is_structured() ? std::string(kOtherToken) : value_token(entry));
      if (entry.is_number()) numbers.push_back(entry.get<double>() + 0.0);  // there is one zero
    };
    if (value.is_array() && !value.empty()) {
      std::ranges::for_each(value, take);
    } else if (value.is_array()) {
      take(Json::object());
    } else {
      take(value);
    }
    if (has_null && !tokens.empty()) nulls_.push_back(key);
    put(values_, key, std::move(tokens));
    put(numbers_, key, std::move(numbers));
  }
  void add_all(const Json& object, FieldName& path) {
    for (const auto& [name, value] : object.items()) {
      if (name.empty()) continue;  // nothing can ask for it
      path.push_back(name);
      add(path, value);
      if (value.is_object()) add_all(value, path);
      path.pop_back();
    }
  }
  // Lists of one object: an update replaces them whole, where it would merge objects.
  void write_to(Json& document) && {
    document["f"] = Json::array({std::move(values_)});
    document["n"] = Json::array({std::move(numbers_)});
    document["nulls"] = std::move(nulls_);
  }

 private:
  static void put(Json& fields, const std::string& key, Json values) {
    if (values.empty()) return;
    fields[key] = values.size() == 1 ? std::move(values.front()) : std::move(values);
  }
  Json values_ = Json::object();
  Json numbers_ = Json::object();
  Json nulls_ = Json::array();
};

}  // namespace

std::string lucene_alias(std::string_view prefix, std::string_view table) {
  return fmt::format("{}-{}-{}", prefix, to_lower(table), digest(table).substr(0, 12));
}

std::string lucene_id(std::string_view id) {
  return id.size() <= kMaxId && !id.starts_with('#') ? std::string(id) : "#" + digest(id);
}

std::string lucene_key(const FieldName& field) {
  if (field.size() == 1 && field.front() == kUriField) return field.front();
  std::string key;
  for (const auto& name : field) {
    if (!key.empty()) key += '/';
    for (const char c : name) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) != 0 || c == '_' || c == '-' || byte >= 0x80) {
        key += c;
      } else {
        fmt::format_to(std::back_inserter(key), "%{:02X}", byte);
      }
    }
  }
  return key.size() <= kMaxKey ? key : "#" + digest(key);
}

std::string string_token(std::string_view text) {
  if (text.size() <= kMaxTokenText) return fmt::format("2{}", text);
  std::size_t end = kMaxTokenText;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("2{}{}", text.substr(0, end), digest(text));
}

std::string double_token(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number + 0.0);  // there is one zero
  return fmt::format("1{:016x}", (bits & kSign) != 0 ? ~bits : bits | kSign);
}

std::string number_token(const Json& number) {
  const auto rounded = number.get<double>();
  const std::string token = double_token(rounded);
  if (number.is_number_float()) return token + 'd';
  if (std::abs(rounded) < kTold) return token + 'i';
  const auto bits = number.is_number_unsigned() ? number.get<std::uint64_t>()
                                                : static_cast<std::uint64_t>(number.get<std::int64_t>());
  return fmt::format("{}i{:03x}", token, static_cast<std::int64_t>(bits - wrapped(rounded)) + kMiddle);
}

std::string value_token(const Json& value) {
  if (value.is_number()) return number_token(value);
  if (value.is_string()) return string_token(value.get_ref<const std::string&>());
  return value.get<bool>() ? "3t" : "3f";
}

Json token_value(std::string_view token) {
  if (token.empty()) return nullptr;
  const auto rest = token.substr(1);
  if (token.front() == '2') {
    const bool cut = rest.size() > kMaxTokenText;
    return std::string(cut ? rest.substr(0, rest.size() - kDigest) : rest);
  }
  if (token.front() == '3') return rest == "t";
  if (token.front() != '1' || token.size() <= kDoubleToken) return nullptr;
  const double number = double_of(token.substr(1, kDoubleToken - 1));
  if (token[kDoubleToken] == 'd') return number;
  int more = kMiddle;
  const auto digits = token.substr(kDoubleToken + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), more, 16);
  return integer_of(number, more - kMiddle);
}

Json facts_document(const Item& item) {
  Json document = {{"uri", item.uri},
                   {"hash", item.content_hash},
                   {"size", item.size_bytes},
                   {"mtime", item.modified_ns},
                   {"metadata", item.metadata}};
  MetadataFields fields;
  fields.add({std::string(kUriField)}, item.uri);
  const Json metadata = Json::parse(item.metadata, nullptr, false);
  FieldName path;
  if (metadata.is_object()) fields.add_all(metadata, path);
  std::move(fields).write_to(document);
  return document;
}

std::string item_document(const Item& item, std::uint64_t version, const VectorField& field) {
  Json document = facts_document(item);
  document["id"] = item.id;
  document["version"] = version;
  std::string text = dump_json(document);
  text.back() = ',';
  fmt::format_to(std::back_inserter(text), "\"{}\":", field.name);
  append_vector(text, item.vector);
  text += '}';
  return text;
}

void append_vector(std::string& text, std::span<const float> vector) {
  text += '[';
  for (const float value : vector) {
    // As an integer, zero would lose its sign.
    if (value == 0) {
      text += std::signbit(value) ? "-0.0" : "0";
    } else {
      fmt::format_to(std::back_inserter(text), "{}", value);
    }
    text += ',';
  }
  if (vector.empty()) text += ',';
  text.back() = ']';
}

Json vector_json(std::span<const float> vector) {
  Json made = Json::array();
  for (const float value : vector) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    double shortest = 0;
    std::from_chars(digits.data(), end, shortest);
    made.push_back(shortest);
  }
  return made;
}

Json facts_source(const VectorField* field) {
  Json names = {"id", "uri", "hash", "size", "mtime", "metadata", "version"};
  if (field != nullptr) names.push_back(field->name);
  return names;
}

Result<Item> document_item(const Json& source, const VectorField* field) {
  const auto read = [&]() -> Result<Item> {
    EIDETIC_TRY(auto reader, JsonReader::of(source, "a document"));
    Item item;
    EIDETIC_TRY(item.id, reader.get<std::string>("id"));
    EIDETIC_TRY(item.uri, reader.get<std::string>("uri"));
    EIDETIC_TRY(item.content_hash, reader.get<std::string>("hash"));
    EIDETIC_TRY(const auto size, reader.get<std::int64_t>("size"));
    item.size_bytes = static_cast<std::uint64_t>(size);
    EIDETIC_TRY(item.modified_ns, reader.get<std::int64_t>("mtime"));
    EIDETIC_TRY(item.metadata, reader.get<std::string>("metadata"));
    EIDETIC_TRY(const auto version, reader.get<std::int64_t>("version"));
    item.version = static_cast<std::uint64_t>(version);
    if (field == nullptr || !reader.has(field->name)) return item;
    EIDETIC_TRY(const auto vector, reader.get<std::vector<double>>(field->name));
    item.vector.assign(vector.begin(), vector.end());
    return item;
  };
  auto made = read();
  if (made) return made;
  return fail(ErrorCode::conflict, fmt::format("what is stored there is not as this build writes it: {} of {}",
                                               made.error().message, dump_json(source).substr(0, 200)));
}

}  // namespace eidetic
