// The documents of a training, as files, jobs and the API have them: docs/training.md. Pure functions.
#pragma once

#include <string_view>

#include "eidetic/error.h"
#include "eidetic/training.h"

#include "base/json.h"

namespace eidetic {

// All that was asked for, but for the output folder.
[[nodiscard]] Json to_json(const TrainRequest& request);
// The fields of a request, each of which may be missing. invalid_argument naming the field; what values are possible is
// not looked at, but for the names of splits.
[[nodiscard]] Result<TrainRequest> read_train_request(JsonReader& reader);

[[nodiscard]] Json to_json(const RetrievalMeasures& measures);
[[nodiscard]] Json to_json(const TrainEpoch& epoch);
[[nodiscard]] Result<TrainEpoch> read_train_epoch(const Json& json);
// Without `errors`.
[[nodiscard]] Json to_json(const TrainReport& report);
// invalid_argument where it is no such document; `what` names it.
[[nodiscard]] Result<TrainReport> read_train_report(const Json& json, std::string_view what);

}  // namespace eidetic
