#include "engine/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/regions.h"
#include "engine/settings.h"
#include "index/faiss_file.h"

namespace eidetic {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "EIDETIC COLLECTION 2\n";
constexpr std::string_view kMagic1 = "EIDETIC COLLECTION 1\n";
static_assert(kMagic.size() == kMagic1.size());
constexpr std::uint8_t kItem = 1;
constexpr std::uint8_t kAttachment = 2;
constexpr std::uint8_t kItemWithParts = 3;
constexpr std::uint8_t kEnd = 0;

class Buffer {
 public:
  template <typename T>
  void number(T value) {
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  void text(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    bytes(as_bytes(text));
  }
  void bytes(std::span<const std::byte> more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  void item(const Item& item) {
    number(item.parts.empty() ? kItem : kItemWithParts);
    for (const auto* field : {&item.id, &item.uri, &item.content_hash, &item.metadata}) text(*field);
    number(item.size_bytes);
    number(item.modified_ns);
    bytes(std::as_bytes(std::span(item.vector)));
    if (item.parts.empty()) return;
    number(static_cast<std::uint32_t>(item.parts.size()));
    for (const Vector& part : item.parts) bytes(std::as_bytes(std::span(part)));
  }
  // Hands over what has gathered.
  Result<void> drain(const Sink& sink, Checksum& sum) {
    sum.update(bytes_);
    auto done = sink(bytes_);
    bytes_.clear();
    return done;
  }

 private:
  std::vector<std::byte> bytes_;
};

std::string header_of(const CollectionSpec& spec) {
  const auto& space = spec.space;
  return dump_json({{"name", spec.name},
                    {"model", space.model},
                    {"hash", space.hash},
                    {"dimensions", space.dimensions},
                    {"metric", to_string(space.metric)},
                    {"precision", to_string(space.precision)},
                    {"index", spec.index},
                    {"settings", spec.settings}});
}

Result<CollectionSpec> parse_header(std::string_view text, const std::string& what) {
  EIDETIC_TRY(const Json json, parse_json_object(text, what));
  EIDETIC_TRY(auto reader, JsonReader::of(json, what));
  CollectionSpec spec;
  EIDETIC_TRY(spec.name, reader.get<std::string>("name"));
  EIDETIC_TRY(spec.space.model, reader.get<std::string>("model"));
  EIDETIC_TRY(spec.space.hash, reader.get<std::string>("hash"));
  EIDETIC_TRY(const auto dimensions, reader.get<std::int64_t>("dimensions"));
  EIDETIC_TRY(const auto metric, reader.get<std::string>("metric"));
  EIDETIC_TRY(const auto precision, reader.get<std::string>("precision"));
  EIDETIC_TRY(spec.index, reader.get<std::string>("index"));
  EIDETIC_TRY(spec.settings, reader.get<std::string>("settings"));
  constexpr std::int64_t kMaxDimensions = 1 << 20;
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    return fail(ErrorCode::corrupt, fmt::format("{}: {} dimensions", what, dimensions));
  }
  spec.space.dimensions = static_cast<std::uint32_t>(dimensions);
  EIDETIC_TRY(spec.space.metric, parse_metric(metric));
  if (precision != "f32" && precision != "bf16") {
    return fail(ErrorCode::corrupt, fmt::format("{}: the precision '{}'", what, precision));
  }
  spec.space.precision = precision == "f32" ? Precision::f32 : Precision::bf16;
  return spec;
}

Result<std::map<std::string, std::string>> attachments_of(Backend& backend, const std::string& collection) {
  EIDETIC_TRY(const auto names, backend.attachments(collection));
  std::map<std::string, std::string> all;
  for (const auto& name : names) {
    EIDETIC_TRY(const auto content, backend.attachment(collection, name));
    if (content) all[name].assign(reinterpret_cast<const char*>(content->data()), content->size());
  }
  return all;
}

Result<void> import_items(Backend& backend, const std::string& collection, ExportReader& reader) {
  constexpr std::size_t kBatch = 1000;
  std::vector<Item> batch;
  for (bool more = true; more;) {
    EIDETIC_TRY(auto item, reader.next());
    more = item.has_value();
    if (more) batch.push_back(*std::move(item));
    if (batch.empty() || (more && batch.size() < kBatch)) continue;
    EIDETIC_TRY(const auto stored, backend.upsert(collection, batch));
    for (const auto& result : stored) EIDETIC_CHECK(result);
    batch.clear();
  }
  return {};
}

}  // namespace

std::unexpected<Error> ExportReader::corrupt(std::string_view why) const {
  return fail(ErrorCode::corrupt, fmt::format("'{}' is no sound export of a collection: {}", what_, why));
}

Result<ExportReader> ExportReader::open(std::span<const std::byte> file, std::string what) {
  ExportReader reader(file, std::move(what));
  std::uint64_t sum = 0;
  const std::string_view start(reinterpret_cast<const char*>(file.data()), std::min(file.size(), kMagic.size()));
  if (start != kMagic && start != kMagic1) {
    constexpr std::string_view kAnyVersion = "EIDETIC COLLECTION ";
    if (start.starts_with(kAnyVersion)) {
      return fail(ErrorCode::unsupported,
                  fmt::format("'{}' was exported by a newer Eidetic: update Eidetic to import it", reader.what_));
    }
    if (FaissFile::is_one(file)) {
      return fail(ErrorCode::unsupported,
                  fmt::format("'{}' is a FAISS index and no export of a collection: 'eidetic collections import' makes "
                              "a collection of it, with --server URL through a server",
                              reader.what_));
    }
    return reader.corrupt("it does not begin as one");
  }
  if (file.size() < kMagic.size() + sizeof(sum)) return reader.corrupt("it ends too early");
  std::memcpy(&sum, file.last(sizeof(sum)).data(), sizeof(sum));
  if (sum != checksum(file.first(file.size() - sizeof(sum)))) {
    return reader.corrupt("its checksum differs, so it was damaged or cut off; export it again");
  }
  reader.rest_ = file.subspan(kMagic.size(), file.size() - kMagic.size() - sizeof(sum));
  EIDETIC_CHECK(reader.read_header());
  return reader;
}

Result<void> ExportReader::read_header() {
  EIDETIC_TRY(const std::string header, text());
  auto spec = parse_header(header, "the header");
  if (!spec) return corrupt(spec.error().message);
  spec_ = *std::move(spec);
  return {};
}

template <typename T>
Result<T> ExportReader::number() {
  T value{};
  if (rest_.size() < sizeof(value)) return corrupt("it ends within an item");
  std::memcpy(&value, rest_.data(), sizeof(value));
  rest_ = rest_.subspan(sizeof(value));
  return value;
}

Result<std::string> ExportReader::text() {
  EIDETIC_TRY(const auto length, number<std::uint32_t>());
  if (rest_.size() < length) return corrupt("it ends within an item");
  std::string text(reinterpret_cast<const char*>(rest_.data()), length);
  rest_ = rest_.subspan(length);
  return text;
}

Result<Vector> ExportReader::vector() {
  const std::size_t bytes = spec_.space.dimensions * sizeof(float);
  if (rest_.size() < bytes) return corrupt("it ends within a vector");
  Vector vector(spec_.space.dimensions);
  std::memcpy(vector.data(), rest_.data(), bytes);
  rest_ = rest_.subspan(bytes);
  return vector;
}

Result<std::optional<Item>> ExportReader::next() {
  EIDETIC_TRY(auto kind, number<std::uint8_t>());
  while (kind == kAttachment && count_ == 0) {
    EIDETIC_TRY(auto name, text());
    EIDETIC_TRY(auto content, text());
    attachments_.insert_or_assign(std::move(name), std::move(content));
    EIDETIC_TRY(kind, number<std::uint8_t>());
  }
  if (kind == kEnd) {
    EIDETIC_TRY(const auto count, number<std::uint64_t>());
    if (count != count_ || !rest_.empty()) return corrupt("it does not hold as many items as it says");
    return std::nullopt;
  }
  if (kind != kItem && kind != kItemWithParts) return corrupt("an item of an unknown kind");
  Item item;
  for (auto* field : {&item.id, &item.uri, &item.content_hash, &item.metadata}) {
    EIDETIC_TRY(*field, text());
  }
  EIDETIC_TRY(item.size_bytes, number<std::uint64_t>());
  EIDETIC_TRY(item.modified_ns, number<std::int64_t>());
  EIDETIC_TRY(item.vector, vector());
  if (kind == kItemWithParts) {
    EIDETIC_TRY(const auto parts, number<std::uint32_t>());
    if (parts > kMaxParts) return corrupt("an item of too many parts");
    for (std::uint32_t i = 0; i < parts; ++i) {
      EIDETIC_TRY(item.parts.emplace_back(), vector());
    }
  }
  ++count_;
  return item;
}

Result<std::uint64_t> write_export(const CollectionSpec& spec, const std::map<std::string, std::string>& attachments,
                                   const std::function<Result<std::vector<Item>>()>& next, const Sink& sink) {
  std::uint64_t count = 0;
  Checksum sum;
  Buffer buffer;
  buffer.bytes(as_bytes(kMagic));
  buffer.text(header_of(spec));
  for (const auto& [name, content] : attachments) {
    buffer.number(kAttachment);
    buffer.text(name);
    buffer.text(content);
  }
  for (bool more = true; more;) {
    EIDETIC_TRY(const auto items, next());
    for (const auto& item : items) buffer.item(item);
    count += items.size();
    more = !items.empty();
    EIDETIC_CHECK(buffer.drain(sink, sum));
  }
  buffer.number(kEnd);
  buffer.number(count);
  EIDETIC_CHECK(buffer.drain(sink, sum));
  buffer.number(sum.value());
  EIDETIC_CHECK(buffer.drain(sink, sum));
  return count;
}

Result<std::uint64_t> export_collection(Backend& backend, const CollectionInfo& collection,
                                        const std::filesystem::path& file) {
  std::string cursor;
  bool more = true;
  const auto next = [&]() -> Result<std::vector<Item>> {
    if (!more) return std::vector<Item>();
    constexpr std::uint32_t kPage = 1'000;
    EIDETIC_TRY(auto page, backend.scroll(collection.spec.name, cursor, kPage, true));
    cursor = std::move(page.next);
    more = !cursor.empty();
    if (collection.parts > 0) EIDETIC_CHECK(read_parts(backend, collection.spec.name, page.items));
    return std::move(page.items);
  };
  EIDETIC_TRY(const auto attachments, attachments_of(backend, collection.spec.name));
  std::uint64_t count = 0;
  EIDETIC_CHECK(write_file_atomically(file, [&](const Sink& sink) -> Result<void> {
    EIDETIC_TRY(count, write_export(collection.spec, attachments, next, sink));
    return {};
  }));
  return count;
}

Result<CollectionInfo> import_collection(Backend& backend, const std::filesystem::path& file,
                                         const std::optional<std::string>& name) {
  EIDETIC_TRY(const auto mapped, MappedFile::open(file));
  EIDETIC_TRY(auto reader, ExportReader::open(mapped.bytes(), file.native()));
  CollectionSpec spec = reader.spec();
  if (name) spec.name = *name;
  auto settings = parse_settings(spec.settings, spec.name);
  if (!settings) return fail(ErrorCode::corrupt, fmt::format("'{}': {}", file.native(), settings.error().message));
  settings->importing = true;
  settings->watched.clear();  // folders of another machine, or watched by the collection that was exported
  spec.settings = to_json(*settings);
  EIDETIC_CHECK(backend.create(spec));

  const auto fill = [&]() -> Result<CollectionInfo> {
    EIDETIC_CHECK(import_items(backend, spec.name, reader));
    for (const auto& [attachment, content] : reader.attachments()) {
      EIDETIC_CHECK(backend.attach(spec.name, attachment, as_bytes(content)));
    }
    settings->importing = false;
    EIDETIC_CHECK(backend.configure(spec.name, settings_are(to_json(*settings))));
    return backend.describe(spec.name);
  };
  auto imported = fill();
  if (!imported) {
    if (const auto dropped = backend.drop(spec.name); !dropped) log(LogLevel::error, "{}", dropped.error().message);
  }
  return imported;
}

Result<void> drop_cut_off_imports(Backend& backend) {
  EIDETIC_TRY(const auto collections, backend.list());
  for (const auto& collection : collections) {
    const auto settings = parse_settings(collection.spec.settings, collection.spec.name);
    if (!settings || !settings->importing) continue;
    log(LogLevel::warning, "collection '{}' is dropped: its import was cut off; import it again", collection.spec.name);
    EIDETIC_CHECK(backend.drop(collection.spec.name));
  }
  return {};
}

}  // namespace eidetic
