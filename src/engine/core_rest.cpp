#include <fmt/format.h>

#include "engine/core.h"
namespace eidetic {
namespace {
std::unexpected<Error> later() { return fail(ErrorCode::unsupported, "not there yet"); }
}  // namespace
Result<std::vector<Result<PutResult>>> Core::put(std::string_view name, std::span<const NewItem> items) {
  std::vector<Item> plain;
  for (const auto& item : items) {
    plain.push_back({.id = item.id,
                     .uri = item.uri,
                     .content_hash = {},
                     .metadata = item.metadata.value_or("{}"),
                     .vector = item.vector});
  }
  EIDETIC_TRY(auto stored, parts_.backend->upsert(name, plain));
  std::vector<Result<PutResult>> results;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (stored[i])
      results.emplace_back(PutResult{.id = items[i].id});
    else
      results.emplace_back(std::unexpected(stored[i].error()));
  }
  return results;
}
Result<std::vector<std::optional<Item>>> Core::get(std::string_view name, std::span<const std::string> ids,
                                                   bool with_vectors) {
  return parts_.backend->get(name, ids, with_vectors);
}
Result<ScrollPage> Core::list(std::string_view name, const ListRequest& request) {
  return parts_.backend->scroll(name, request.cursor, request.limit, request.with_vectors);
}
Result<Item> Core::patch(std::string_view, const std::string&, std::string_view) { return later(); }
Result<std::uint64_t> Core::erase_where(std::string_view, std::string_view) { return later(); }
Result<EncodedPicture> Core::picture(std::string_view, const std::string&) { return later(); }
Result<EncodedPicture> Core::thumbnail(std::string_view, const std::string&, std::uint32_t) { return later(); }
Result<JobInfo> Core::start_index(std::string_view, const IndexRequest&) { return later(); }
Result<JobInfo> Core::start_put(std::string_view, std::span<const NewItem>) { return later(); }
Result<JobInfo> Core::start_pull(const std::string&, const std::string&) { return later(); }
Result<std::vector<JobInfo>> Core::jobs(const JobQuery&) { return later(); }
Result<JobInfo> Core::job(std::string_view) { return later(); }
Result<std::vector<ItemError>> Core::job_failures(std::string_view, std::uint64_t, std::uint32_t) { return later(); }
Result<JobInfo> Core::cancel_job(std::string_view) { return later(); }
Result<JobCounts> Core::job_counts() { return later(); }
Result<void> Core::watch(std::string_view, std::span<const std::filesystem::path>) { return later(); }
Result<std::vector<std::filesystem::path>> Core::watched(std::string_view) { return later(); }
Result<std::vector<ModelInfo>> Core::models() { return later(); }
Result<ModelInfo> Core::model(const std::string&) { return later(); }
Result<std::vector<LayerInfo>> Core::layers(const std::string&) { return later(); }
Result<BundleCheck> Core::check_model(const std::string&) { return later(); }
Result<ModelInfo> Core::import_model(const std::filesystem::path&, const std::string&) { return later(); }
Result<ModelInfo> Core::install_model(const std::string&, std::string_view, const std::string&) { return later(); }
Result<ModelInfo> Core::pull_model(const std::string&, const std::string&,
                                   const std::function<void(std::uint64_t, std::uint64_t)>&, std::stop_token) {
  return later();
}
Result<void> Core::backup(const std::filesystem::path&) { return later(); }
Result<Vector> Core::embed(Bytes, const std::string&) { return later(); }
}  // namespace eidetic
