// Vectors that other programs made, on their way into a collection: what FAISS files and open formats have in common.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "eidetic/engine.h"

#include "base/file.h"

namespace eidetic {

// A file that goes when it is closed, however the process ends.
struct UnnamedFile {
  File file;
  std::filesystem::path folder;

  // In the folder for temporary files.
  [[nodiscard]] static Result<UnnamedFile> make();
  // Where this process can open it.
  [[nodiscard]] std::filesystem::path path() const;
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) const;
};

struct ForeignVectors {
  std::filesystem::path file;  // for messages; and the collection's name, where none is given
  std::uint32_t dimensions = 0;
  std::string collection = {};
  Metric metric = Metric::cosine;
  std::string index = "auto";
  std::string model = {};  // empty: bare vectors
};

// The collection to be made of them. invalid_argument: another number of dimensions than the model's, a name or index
// that cannot be; not_found: no such model.
[[nodiscard]] Result<CollectionSpec> foreign_spec(Engine& engine, const ForeignVectors& vectors);

// The items that `next` gives until it gives none, as an export of a collection: every engine imports it complete or
// not at all, a server's too.
[[nodiscard]] Result<UnnamedFile> write_unnamed(const CollectionSpec& spec,
                                                const std::function<Result<std::vector<Item>>()>& next);
// already_exists where there is a collection of that name.
[[nodiscard]] Result<void> check_new(Engine& engine, const std::string& collection);

// Where the picture of a name is: a URL or absolute path as it is, any other below `root`; without a root nowhere ("").
[[nodiscard]] std::string uri_of_name(const std::string& name, const std::filesystem::path& root);

}  // namespace eidetic
