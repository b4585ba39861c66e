#include "recipes/run_state.h"

#include <utility>

#include "base/file.h"

namespace eidetic {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

}  // namespace

RunState RunState::load(std::filesystem::path file) {
  RunState state(std::move(file));
  const auto text = read_text(state.file_, kMaxBytes);
  if (!text) return state;
  auto json = parse_json_object(*text, "state.json");
  if (json && json->value("format", Json()) == kFormat && json->value("steps", Json()).is_object()) {
    state.steps_ = std::move((*json)["steps"]);
  }
  return state;
}

const Json& RunState::of(std::string_view step) const {
  static const Json kNothing;
  const auto found = steps_.find(step);
  return found == steps_.end() ? kNothing : *found;
}

Result<void> RunState::set(std::string_view step, Json what) {
  steps_[std::string(step)] = std::move(what);
  return write_file_atomically(file_, dump_json({{"format", kFormat}, {"steps", steps_}}) + '\n');
}

}  // namespace eidetic
