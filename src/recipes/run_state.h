// What the last run of a recipe has done, kept in its output folder: state.json. Not thread-safe.
#pragma once

#include <filesystem>
#include <string_view>

#include "eidetic/error.h"

#include "base/json.h"

namespace eidetic {

class RunState {
 public:
  // A file that is missing, damaged or of another version is as none: everything is done again.
  [[nodiscard]] static RunState load(std::filesystem::path file);

  // What `step` remembers; null: nothing.
  [[nodiscard]] const Json& of(std::string_view step) const;
  // Remembers it, on the disk too.
  [[nodiscard]] Result<void> set(std::string_view step, Json what);

 private:
  explicit RunState(std::filesystem::path file) : file_(std::move(file)) {}

  std::filesystem::path file_;
  Json steps_ = Json::object();
};

}  // namespace eidetic
