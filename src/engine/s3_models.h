// Models in S3: single files of a mirror, and whole bundles.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "eidetic/error.h"

#include "embed/bundle.h"
#include "net/http.h"
#include "s3/client.h"

namespace eidetic {

// Files behind http:, https: and s3: URLs, of S3 those within the roots. What is given must outlive it.
class AnyDownloads final : public Downloads {
 public:
  AnyDownloads(HttpOptions http, const S3Client& s3, const S3Roots& roots)
      : http_(std::move(http)), s3_(s3), roots_(roots) {}

  // What a broken download from S3 has left is not gone on with by a later call.
  [[nodiscard]] Result<Downloaded> download(std::string_view url, const std::filesystem::path& file,
                                            const DownloadOptions& options) const override;

 private:
  HttpClient http_;
  const S3Client& s3_;
  const S3Roots& roots_;
};

// The bundle "s3://bucket/prefix/NAME" as `<folder>/NAME`, complete or not at all; one that is there with the same
// model.json is given back as it is. Errors: not_found (no model.json there), already_exists (another bundle of that
// name), those of reading the bundle.
[[nodiscard]] Result<ModelBundle> pull_bundle(const S3Client& s3, const S3Place& place,
                                              const std::filesystem::path& folder, const S3Progress& progress,
                                              std::stop_token stop);

// The files of a bundle's folder below `place`, model.json last. already_exists where another model.json is there.
[[nodiscard]] Result<void> push_bundle(const S3Client& s3, const std::filesystem::path& bundle, const S3Place& place,
                                       const S3Progress& progress, std::stop_token stop);

}  // namespace eidetic
