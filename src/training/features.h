// What a head is learnt from: the trunk's vectors of a collection's labelled pictures, each in several views, kept in
// files so that they are made once.
// Thread rule: one call at a time of a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

#include "index/matrix.h"

namespace eidetic {

struct FeatureRequest {
  std::string collection;
  std::string label;       // metadata field, or kFolderLabel
  std::string group = {};  // metadata field; empty: none
  std::string trunk;
  std::uint32_t views = 1;
  std::uint64_t seed = 1;  // of the views
  std::filesystem::path folder;
};

struct Features {
  std::vector<std::string> ids;
  std::vector<std::uint32_t> classes;  // of each
  std::vector<std::uint32_t> groups;   // of each; empty: there are none. An item without one is alone
  std::vector<std::string> class_names;
  // items * views rows, those of an item one after the other: first the picture as it is, then parts of it that chance
  // chooses (0.16 to 1 of its area, 3:4 to 4:3), mirrored or not.
  Matrix rows;
  std::string key;                // SHA-256, hex, of all that the rows depend on
  std::vector<ItemError> errors;  // pictures that could not be read, at most 10,000
  std::uint64_t failed = 0;
};

// invalid_argument beyond 1 to 64.
[[nodiscard]] Result<void> check_views(std::uint32_t views);

struct LabelledClasses {
  std::vector<std::uint32_t> classes, groups;  // as Features has them, before a look at pictures
};
[[nodiscard]] Result<LabelledClasses> labelled_classes(Engine& engine, const FeatureRequest& request);

// `progress` gets items done, in all, and failed, on the calling thread. unavailable: stopped; what is done is kept.
// Other errors: those of train_model.
[[nodiscard]] Result<Features> make_features(
    Engine& engine, const FeatureRequest& request,
    const std::function<void(std::uint64_t done, std::uint64_t total, std::uint64_t failed)>& progress,
    const std::stop_token& stop);

}  // namespace eidetic
