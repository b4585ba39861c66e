// What the engine keeps in a collection's settings.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"
#include "eidetic/vector_index.h"

namespace eidetic {

struct ClassifierSetting {
  ClassifierInfo info;  // without its classes
  std::string attachment;
};

struct CalibrationSetting {
  std::string label;
  std::string attachment;
};

// A change of the model. What is learnt of a space goes with it: here is that of the other one.
struct MigrationSetting {
  std::string model;  // of the other space, bundle name or absolute path
  MigrationInfo::State state = MigrationInfo::State::embedding;
  std::uint64_t failed = 0;
  std::int64_t until_ms = 0;
  std::vector<std::string> notes = {};
  std::vector<ClassifierSetting> classifiers = {};
  std::optional<CalibrationSetting> calibration = {};
};

struct CollectionSettings {
  std::string model;       // bundle name or absolute path
  bool importing = false;  // an import is under way; found at open, it was cut off and the collection goes
  std::vector<std::string> watched = {};  // folders, absolute
  SearchDepth search = {};                // of queries that do not say
  std::vector<ClassifierSetting> classifiers = {};
  std::optional<CalibrationSetting> calibration = {};
  std::string regions = {};                   // see parse_regions; empty: none
  std::string description = {}, source = {};  // for people
  std::string copying = {};                   // the collection that this one is being made a copy of
  std::optional<MigrationSetting> migration = {};
};

// Those of what is learnt of the space that is searched.
[[nodiscard]] std::vector<std::string> attachments_of(const CollectionSettings& settings);

// Of what is learnt of both spaces.
[[nodiscard]] std::set<std::string> all_attachments_of(const CollectionSettings& settings);

[[nodiscard]] std::string to_json(const CollectionSettings& settings);
// corrupt, naming the collection, where it is no such object.
[[nodiscard]] Result<CollectionSettings> parse_settings(std::string_view json, std::string_view collection);

// settings.regions, in the same way as search_depth.
[[nodiscard]] Result<std::string> regions_setting(std::string_view json, std::string_view collection);

// settings.search, of collections that have none without a look at the rest: a search asks for it each time.
[[nodiscard]] Result<SearchDepth> search_depth(std::string_view json, std::string_view collection);

// Whether there may be classifiers or a calibration, without a look at the rest.
[[nodiscard]] bool has_learnt(std::string_view json);

}  // namespace eidetic
