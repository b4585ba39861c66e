// import_faiss of eidetic/engine.h: what is in a FAISS file is written as an export of a collection, which every engine
// imports, a server's too.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "eidetic/vector_files.h"

#include "blobs/name_list.h"
#include "catalog/check.h"
#include "engine/foreign.h"
#include "index/faiss_file.h"

namespace eidetic {
namespace {

class FaissItems {
 public:
  FaissItems(const FaissImport& request, const FaissFile& file, const NameList& names, const Space& space)
      : request_(request), file_(file), names_(names), space_(space) {}

  // The next thousand; none after the last.
  [[nodiscard]] Result<std::vector<Item>> next() {
    constexpr std::uint64_t kBatch = 1'000;
    std::vector<Item> items;
    for (const std::uint64_t end = std::min(next_ + kBatch, file_.size()); next_ < end; ++next_) {
      EIDETIC_TRY(Item item, item_of(next_));
      items.push_back(std::move(item));
    }
    return items;
  }

 private:
  [[nodiscard]] Result<Item> item_of(std::uint64_t i) const {
    const auto id = static_cast<std::size_t>(file_.id(i));
    Item item;
    item.vector = file_.vector(i);
    if (const auto fits = check_vector(item.vector, space_); !fits) {
      return fail(fits.error().code, fmt::format("'{}': vector {} cannot be imported: {}", request_.file.native(), id,
                                                 fits.error().message));
    }
    if (request_.names.empty()) {
      item.id = std::to_string(id);
      return item;
    }
    item.id = names_.names[id];
    if (item.id.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' has an empty name for vector {}", request_.names.native(), id));
    }
    item.uri = uri_of_name(item.id, request_.root);
    if (!names_.metadata.empty()) item.metadata = names_.metadata[id];
    return item;
  }

  const FaissImport& request_;
  const FaissFile& file_;
  const NameList& names_;
  const Space& space_;
  std::uint64_t next_ = 0;
};

// A name for every vector; and of vectors that are numbered by their places a vector for every name, as otherwise
// they were listed by something else.
Result<void> check_fit(const FaissImport& request, const FaissFile& file, const NameList& list) {
  if (request.names.empty() || file.size() == 0) return {};
  const std::size_t names = list.names.size();
  const auto last = static_cast<std::size_t>(file.id(file.size() - 1));
  if (last < names && (!file.ids_are_places() || names == file.size())) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' has {} names, but '{}' holds {} vectors with ids up to {}: the first name is that of "
                          "vector 0, and so on",
                          request.names.native(), names, request.file.native(), file.size(), last));
}

Result<CollectionSpec> spec_of(Engine& engine, const FaissImport& request, const FaissFile& file) {
  const auto metric = request.metric ? request.metric : file.metric();
  if (!metric) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' measures by neither L2 nor inner product: choose the metric to search it by, cosine, "
                            "dot or euclidean",
                            request.file.native()));
  }
  return foreign_spec(engine, ForeignVectors{.file = request.file,
                                             .dimensions = file.dimensions(),
                                             .collection = request.collection,
                                             .metric = *metric,
                                             .index = request.index,
                                             .model = request.model});
}

}  // namespace

Result<CollectionInfo> import_faiss(Engine& engine, const FaissImport& request) {
  EIDETIC_TRY(const auto file, FaissFile::open(request.file));
  NameList names;
  if (!request.names.empty()) {
    EIDETIC_TRY(names, read_name_list(request.names));
  }
  EIDETIC_CHECK(check_fit(request, file, names));
  EIDETIC_TRY(const auto spec, spec_of(engine, request, file));
  FaissItems items(request, file, names, spec.space);
  EIDETIC_CHECK(check_new(engine, spec.name));
  EIDETIC_TRY(const auto unnamed, write_unnamed(spec, [&] { return items.next(); }));
  return engine.import_collection(unnamed.path(), spec.name);
}

}  // namespace eidetic
