// The one place that knows all indexes: factory strings to indexes, snapshots to indexes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "eidetic/vector_index.h"

#include "base/text.h"
#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "index/snapshot.h"

namespace eidetic {
namespace {

constexpr std::string_view kHnsw = "HNSW";

struct Factory {
  bool hnsw = false;
  unsigned links = 0;
  unsigned expansion = HnswIndex::kDefaultExpansion;
};

// A whole number from `least` to `most`, all of `text`. Errors name the string, the part and the nearest good value.
Result<unsigned> number(std::string_view factory, std::string_view text, std::string_view what, unsigned least,
                        unsigned most) {
  unsigned value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("index '{}': HNSW is followed by the number of links, like HNSW16, and perhaps the "
                            "expansion, like HNSW16:200; '{}' is no {}",
                            factory, text, what));
  }
  if (value < least || value > most) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("index '{}': {} {}; {} to {} are possible, the nearest is {}", factory, what, value, least,
                            most, std::clamp(value, least, most)));
  }
  return value;
}

Result<Factory> parse(std::string_view factory) {
  if (factory == "Flat") return Factory{};
  if (!factory.starts_with(kHnsw)) {
    static const std::vector<std::string> known = {"Flat", "HNSW16", "HNSW32"};
    return fail(ErrorCode::invalid_argument, fmt::format("no index '{}'{}; there are Flat and HNSW<links>, like HNSW16",
                                                         factory, did_you_mean(factory, known)));
  }
  const std::string_view numbers = factory.substr(kHnsw.size());
  const auto colon = numbers.find(':');
  Factory hnsw{.hnsw = true};
  EIDETIC_TRY(hnsw.links,
              number(factory, numbers.substr(0, colon), "number of links", HnswIndex::kMinLinks, HnswIndex::kMaxLinks));
  if (colon != std::string_view::npos) {
    EIDETIC_TRY(hnsw.expansion, number(factory, numbers.substr(colon + 1), "expansion", HnswIndex::kMinExpansion,
                                       HnswIndex::kMaxExpansion));
  }
  return hnsw;
}

Result<std::unique_ptr<VectorIndex>> load_content(std::span<const std::byte> file, const std::filesystem::path& path,
                                                  std::shared_ptr<const VectorStore> store,
                                                  const IndexOptions& options) {
  const auto magic = as_bytes(HnswIndex::kSnapshot.magic);
  const bool hnsw = file.size() >= magic.size() && std::ranges::equal(file.first(magic.size()), magic);
  EIDETIC_TRY(CheckedReader in, read_checked(file, hnsw ? HnswIndex::kSnapshot : FlatIndex::kSnapshot, path));
  const auto load = [&]() -> Result<std::unique_ptr<VectorIndex>> {
    EIDETIC_TRY(const Row end, read_snapshot_header(in, *store));
    if (hnsw) return HnswIndex::load(in, end, store, options);
    return FlatIndex::load(in, end, store, options);
  };
  auto index = load();
  if (!index && index.error().code == ErrorCode::corrupt) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' {}", path.native(), index.error().message));
  }
  return index;
}

}  // namespace

Result<std::string> check_factory(std::string_view factory) {
  EIDETIC_TRY(const Factory parsed, parse(factory));
  if (!parsed.hnsw) return std::string(factory);
  if (parsed.expansion == HnswIndex::kDefaultExpansion) return fmt::format("HNSW{}", parsed.links);
  return fmt::format("HNSW{}:{}", parsed.links, parsed.expansion);
}

Result<std::unique_ptr<VectorIndex>> make_index(std::string_view factory, std::shared_ptr<const VectorStore> store,
                                                const IndexOptions& options) {
  EIDETIC_TRY(const Factory parsed, parse(factory));
  if (parsed.hnsw) return std::make_unique<HnswIndex>(std::move(store), parsed.links, parsed.expansion, options);
  return std::make_unique<FlatIndex>(std::move(store), options);
}

Result<std::unique_ptr<VectorIndex>> load_index(const std::filesystem::path& file,
                                                std::shared_ptr<const VectorStore> store, const IndexOptions& options) {
  EIDETIC_TRY(const MappedFile map, MappedFile::open(file));
  auto index = load_content(map.bytes(), file, store, options);
  if (!index) return index;
  std::vector<Row> dead;
  for (Row row = 0; row < (*index)->stats().end; ++row) {
    if (!store->alive(row)) dead.push_back(row);
  }
  (*index)->remove(dead);
  return index;
}

}  // namespace eidetic
