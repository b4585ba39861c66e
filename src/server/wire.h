// What the server answers with, as JSON (docs/openapi.yaml). Pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "eidetic/engine.h"

#include "base/json.h"

namespace eidetic::wire {

// Beside what the backend says, the jobs that wait or run and the folders that are watched.
[[nodiscard]] Json collection(const CollectionInfo& info, std::uint64_t pending_jobs,
                              std::span<const std::filesystem::path> watched);
[[nodiscard]] Json item(const Item& item);  // with its vector, where it has one
[[nodiscard]] Json error(const Error& error);
[[nodiscard]] Json put_result(const Result<PutResult>& result);
[[nodiscard]] Json job(const JobInfo& job);
[[nodiscard]] Json failure(const ItemError& failure);
[[nodiscard]] Json model(const ModelInfo& model);
[[nodiscard]] Json evaluation(std::string_view collection, const EvalReport& report);
// Text and no Json: the answer that is made most often.
[[nodiscard]] std::string search_result(const SearchResult& result);

}  // namespace eidetic::wire
