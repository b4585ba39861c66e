// The parts of a training that are written down: options by name, logs, report.
// Thread rule: pure, but for the files they write; any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/training.h"

#include "train/head_training.h"

namespace eidetic {

// The options of the head, checked as far as names go: invalid_argument naming the option and what is possible.
[[nodiscard]] Result<HeadTrainingOptions> head_options(const TrainRequest& request);
// A row an epoch.
[[nodiscard]] std::string epochs_csv(const TrainReport& report);
// Learning curves, measures before and after, a map of each, the worst classes and confusions, with the JPEGs that
// `thumbnail` gives of items (empty: none is shown): one file, nothing from elsewhere.
[[nodiscard]] std::string report_page(const TrainRequest& request, const TrainReport& report,
                                      const std::function<std::vector<std::byte>(const std::string& id)>& thumbnail);

// An event file that TensorBoard reads (TFRecord of tensorflow.Event), with a scalar of each epoch for the loss, the
// learning rate and each measure; `started` is seconds since 1970.
[[nodiscard]] std::string tensorboard_events(const TrainReport& report, double started);

}  // namespace eidetic
