// import_faiss of eidetic/engine.h: what is in a FAISS file is written as an export of a collection, which every engine
// imports, a server's too.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "eidetic/engine.h"

#include "base/file.h"
#include "blobs/listing.h"
#include "blobs/name_list.h"
#include "blobs/uri.h"
#include "catalog/check.h"
#include "engine/settings.h"
#include "engine/transfer.h"
#include "index/faiss_file.h"

namespace eidetic {
namespace {

// A file that goes when it is closed, however the process ends.
struct UnnamedFile {
  File file;
  std::filesystem::path folder;

  [[nodiscard]] static Result<UnnamedFile> make() {
    std::error_code error;
    auto folder = std::filesystem::temp_directory_path(error);
    if (error) return system_error("cannot find a folder for temporary files:", "$TMPDIR", error.value());
    std::string pattern = (folder / "eidetic-import-XXXXXX").native();
    File file(::mkostemp(pattern.data(), O_CLOEXEC));
    if (!file) return system_error("cannot make a temporary file in", folder, errno);
    ::unlink(pattern.c_str());
    return UnnamedFile{std::move(file), std::move(folder)};
  }
  // Where this process can open it.
  [[nodiscard]] std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", file.descriptor()); }
};

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
    item.uri = uri_of_name(item.id);
    if (!names_.metadata.empty()) item.metadata = names_.metadata[id];
    return item;
  }

  // Where a name alone does not say: none.
  [[nodiscard]] std::string uri_of_name(const std::string& name) const {
    if (!uri_scheme(name).empty()) return name;
    if (std::filesystem::path(name).is_absolute()) return file_uri(name);
    return request_.root.empty() ? "" : file_uri(request_.root / name);
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

// What a collection remembers its model by: a bundle's name, or a path that is good everywhere.
std::string lasting_name(const std::string& model, const ModelInfo& info) {
  const auto folder = absolute_path(info.folder);
  const bool by_name = folder.filename() == model && folder != absolute_path(model);
  return by_name ? model : absolute_path(model).native();
}

Result<CollectionSpec> spec_of(Engine& engine, const FaissImport& request, const FaissFile& file) {
  CollectionSpec spec;
  spec.name = request.collection.empty() ? request.file.stem().native() : request.collection;
  spec.index = request.index;
  if (request.index != "auto") EIDETIC_CHECK(check_factory(request.index));
  spec.space.dimensions = file.dimensions();
  const auto metric = request.metric ? request.metric : file.metric();
  if (!metric) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' measures by neither L2 nor inner product: choose the metric to search it by, cosine, "
                            "dot or euclidean",
                            request.file.native()));
  }
  CollectionSettings settings;
  if (!request.model.empty()) {
    EIDETIC_TRY(const auto info, engine.model(request.model));
    EIDETIC_TRY(auto check, engine.check_model(request.model));
    if (check.space.dimensions != file.dimensions()) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("'{}' holds vectors of {} dimensions, but the model '{}' makes ones of {}: name the model "
                      "that made them, or none",
                      request.file.native(), file.dimensions(), request.model, check.space.dimensions));
    }
    spec.space = std::move(check.space);
    // As other programs compute, and every processor can.
    spec.space.precision = Precision::f32;
    settings.model = lasting_name(request.model, info);
  }
  spec.space.metric = *metric;
  spec.settings = to_json(settings);
  EIDETIC_CHECK(check_spec(spec));
  return spec;
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
  if (const auto there = engine.describe(spec.name); there) {
    return fail(ErrorCode::already_exists, fmt::format("there is a collection '{}' already", spec.name));
  } else if (there.error().code != ErrorCode::not_found) {
    return there;
  }
  EIDETIC_TRY(const auto unnamed, UnnamedFile::make());
  FaissItems items(request, file, names, spec.space);
  EIDETIC_CHECK(write_export(
      spec, {}, [&] { return items.next(); },
      [&](std::span<const std::byte> bytes) { return write_all(unnamed.file.descriptor(), bytes, unnamed.folder); }));
  return engine.import_collection(unnamed.path(), spec.name);
}

}  // namespace eidetic
