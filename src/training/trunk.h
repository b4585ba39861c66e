// The trunk of a training: the model that features are made with and that the head is put on.
// Thread rule: pure, but for the files they write; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "eidetic/engine.h"
#include "eidetic/error.h"
#include "eidetic/training.h"

#include "embed/bundle.h"
#include "train/onnx_graft.h"

namespace eidetic {

struct Trunk {
  std::string name;  // for the engine
  ModelBundle bundle;
  TrunkOutput output;  // as the bundle and its graph say
};

// Errors that can be told without writing: not_found, unsupported (no ONNX), invalid_argument (an input size that no
// model has).
[[nodiscard]] Result<void> check_trunk(Engine& engine, const TrainRequest& request);
// The trunk that is asked for; with an input size, a copy of it in the output folder whose pictures have that size.
// Errors: those of check_trunk, invalid_argument (a size that this one does not take), those of writing.
[[nodiscard]] Result<Trunk> trunk_for(Engine& engine, const TrainRequest& request);

// Preprocessing whose result is `size` pixels on its longer side: all sizes change alike. Steps that leave the size of
// the result open stay as they are.
[[nodiscard]] Json with_input_size(Json steps, std::uint32_t size);

}  // namespace eidetic
