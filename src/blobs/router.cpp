#include "blobs/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "eidetic/engine.h"

#include "base/file.h"
#include "blobs/data_uri.h"
#include "blobs/uri.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::byte>> read_regular_file(const fs::path& path, std::size_t max_bytes) {
  // Opening a pipe would wait for its other end, reading a device never ends.
  std::error_code error;
  const auto status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is {}, not a file", path.native(),
                                                         fs::is_directory(status) ? "a folder" : "a device"));
  }
  return read_file(path, max_bytes);
}

class Router final : public Blobs {
 public:
  explicit Router(const BlobsOptions& options) : options_(options), http_(options.http) {}

  Result<std::vector<std::byte>> read(std::string_view uri, std::size_t max_bytes) const override {
    const std::string scheme = uri_scheme(uri);
    if (scheme == "http" || scheme == "https") return http_.get(uri, max_bytes);
    if (scheme == "s3" && options_.s3 != nullptr) return read_object(uri, max_bytes);
    if (scheme == "data") return decode_data_uri(uri, max_bytes);
    if (options_.stored && scheme == kStoredScheme) {
      return options_.stored(uri.substr(kStoredScheme.size() + 1), max_bytes);
    }
    if (options_.files && (scheme.empty() || scheme == "file")) return read_local(uri, max_bytes);
    return fail(ErrorCode::unsupported, fmt::format("'{}': {} cannot be read here; what can: {}", printable_uri(uri),
                                                    scheme.empty() ? "a local path" : fmt::format("'{}:'", scheme),
                                                    fmt::join(schemes(), ", ")));
  }

 private:
  std::vector<std::string_view> schemes() const {
    std::vector<std::string_view> known;
    if (options_.files) known = {"paths", "file:"};
    known.insert(known.end(), {"http:", "https:"});
    if (options_.s3 != nullptr) known.emplace_back("s3:");
    known.emplace_back("data:");
    return known;
  }

  Result<std::vector<std::byte>> read_object(std::string_view uri, std::size_t max_bytes) const {
    EIDETIC_TRY(const auto place, parse_s3_object(uri));
    EIDETIC_CHECK(options_.s3_roots.check(place));
    return options_.s3->get(place, max_bytes);
  }

  Result<std::vector<std::byte>> read_local(std::string_view uri, std::size_t max_bytes) const {
    if (uri.empty()) return fail(ErrorCode::invalid_argument, "an empty path names no picture");
    const auto path = file_of_uri(uri);
    if (!path) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no file URI of this machine: file:///folder/name%20with%20space.jpg", uri));
    }
    EIDETIC_TRY(const auto file, options_.roots.resolve(*path));
    return read_regular_file(file, max_bytes);
  }

  const BlobsOptions options_;
  HttpClient http_;
};

}  // namespace

std::unique_ptr<Blobs> make_blobs(const BlobsOptions& options) { return std::make_unique<Router>(options); }

}  // namespace eidetic
