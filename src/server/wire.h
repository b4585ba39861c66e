// What Engine gives, as JSON: the shapes of docs/openapi.yaml, which are the command line's too. Pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "eidetic/engine.h"

#include "base/json.h"

namespace eidetic {

[[nodiscard]] Json to_json(const CollectionInfo& info);
[[nodiscard]] Json to_json(const Item& item);  // with its vector, where it has one
[[nodiscard]] Json to_json(const Error& error);
[[nodiscard]] Json to_json(const Result<PutResult>& result);
[[nodiscard]] Json to_json(const JobInfo& job);
[[nodiscard]] Json to_json(const TrainingInfo& info);
[[nodiscard]] Json to_json(std::span<const ItemError> failures);
[[nodiscard]] Json to_json(const ModelInfo& model);
[[nodiscard]] Json to_json(const CopyOf& copy);
[[nodiscard]] Json to_json(const DuplicatesReport& report);
[[nodiscard]] Json to_json(const EvalReport& report, std::string_view collection);
[[nodiscard]] Json to_json(std::span<const Facet> facets, std::string_view collection);
[[nodiscard]] Json to_json(const ClassifierInfo& info);
[[nodiscard]] Json to_json(const CalibrationInfo& info, std::string_view collection);
[[nodiscard]] Json to_json(const MergeReport& report, std::string_view collection);
[[nodiscard]] Json to_json(const MigrationReport& report);
[[nodiscard]] Json to_json(const MigrationComparison& comparison);
[[nodiscard]] Json to_json(const IndexView& view, std::string_view collection);
[[nodiscard]] Json to_json(const SearchWalk& walk, std::string_view collection);
// Text and no Json: it may have 200,000 points.
[[nodiscard]] std::string map_json(const CollectionMap& map, std::string_view collection);
// Text and no Json: the answer that is made most often.
[[nodiscard]] std::string search_json(const SearchResult& result);

// "2026-05-04T13:12:11.250Z"; null for 0.
[[nodiscard]] Json time_json(std::int64_t milliseconds_since_1970);
// The metadata of an item as an object.
[[nodiscard]] Json metadata_object(const std::string& metadata);

}  // namespace eidetic
