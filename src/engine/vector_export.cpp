// export_vectors of eidetic/engine.h: a collection's vectors as comma-separated values or as a .npy matrix.
#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/vector_files.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/npy.h"
#include "base/text.h"
#include "engine/foreign.h"
#include "learn/labels.h"

namespace eidetic {
namespace {

Result<void> for_each_page(Engine& engine, const std::string& collection,
                           const std::function<Result<void>(const std::vector<Item>&)>& take) {
  ListRequest request{.limit = 1'000, .with_vectors = true};
  do {
    EIDETIC_TRY(const auto page, engine.list(collection, request));
    EIDETIC_CHECK(take(page.items));
    request.cursor = page.next;
  } while (!request.cursor.empty());
  return {};
}

constexpr std::string_view kCategory = "category";

Result<std::uint64_t> write_csv(Engine& engine, const VectorExport& request, std::uint32_t dimensions) {
  Labels labels(request.label);
  std::uint64_t rows = 0;
  std::uint64_t labelled = 0;
  EIDETIC_CHECK(write_file_atomically(request.file, [&](const Sink& sink) -> Result<void> {
    std::string text = "filename";
    for (std::uint32_t d = 0; d < dimensions; ++d) fmt::format_to(std::back_inserter(text), ",{}", d);
    fmt::format_to(std::back_inserter(text), ",{}\n", kCategory);
    EIDETIC_CHECK(sink(as_bytes(text)));
    EIDETIC_CHECK(for_each_page(engine, request.collection, [&](const std::vector<Item>& items) -> Result<void> {
      text.clear();
      for (const Item& item : items) {
        EIDETIC_TRY(const auto label, labels.label(item));
        text += csv_field(item.id);
        for (const float value : item.vector) fmt::format_to(std::back_inserter(text), ",{}", value);
        fmt::format_to(std::back_inserter(text), ",{}\n", csv_field(label.value_or("")));
        labelled += label ? 1 : 0;
      }
      rows += items.size();
      return sink(as_bytes(text));
    }));
    // That no item has a category is no mistake of who did not ask for it.
    const bool mistaken = rows > 0 && labelled == 0 && request.label != kCategory;
    return mistaken ? labels.none(request.collection) : Result<void>();
  }));
  return rows;
}

Result<std::uint64_t> write_matrix(Engine& engine, const VectorExport& request, std::uint32_t dimensions) {
  // How many rows there are stands before the first of them, and is known after the last.
  EIDETIC_TRY(const auto values, UnnamedFile::make());
  std::uint64_t rows = 0;
  const std::filesystem::path facts = request.file.native() + ".jsonl";
  EIDETIC_CHECK(write_file_atomically(facts, [&](const Sink& sink) -> Result<void> {
    return for_each_page(engine, request.collection, [&](const std::vector<Item>& items) -> Result<void> {
      std::string lines;
      std::vector<float> block;
      for (const Item& item : items) {
        lines +=
            dump_json({{"id", item.id}, {"uri", item.uri}, {"metadata", Json::parse(item.metadata, nullptr, false)}});
        lines += '\n';
        block.insert(block.end(), item.vector.begin(), item.vector.end());
      }
      rows += items.size();
      EIDETIC_CHECK(values.write(std::as_bytes(std::span(block))));
      return sink(as_bytes(lines));
    });
  }));
  EIDETIC_TRY(const auto map, MappedFile::open(values.path()));
  EIDETIC_CHECK(write_file_atomically(request.file, [&](const Sink& sink) -> Result<void> {
    EIDETIC_CHECK(sink(as_bytes(npy_header(rows, dimensions))));
    return sink(map.bytes());
  }));
  return rows;
}

}  // namespace

Result<std::uint64_t> export_vectors(Engine& engine, const VectorExport& request) {
  const std::string ending = to_lower(request.file.extension().native());
  if (ending != ".csv" && ending != ".npy") {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' ends neither in .csv nor in .npy, the formats of vectors", request.file.native()));
  }
  EIDETIC_TRY(const auto info, engine.describe(request.collection));
  const auto dimensions = info.spec.space.dimensions;
  return ending == ".csv" ? write_csv(engine, request, dimensions) : write_matrix(engine, request, dimensions);
}

}  // namespace eidetic
