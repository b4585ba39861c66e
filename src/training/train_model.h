// Engine::train_model and what its jobs need, over any engine that has pictures and models of its own.
// Thread rule: one call at a time of an output folder; of several, each its own.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "eidetic/engine.h"
#include "eidetic/error.h"
#include "eidetic/training.h"

namespace eidetic {

// Engine::install_model of a file that the training has made, wherever that is.
using InstallModel = std::function<Result<ModelInfo>(const std::string& name, std::string_view bundle,
                                                     const std::filesystem::path& file)>;

// `request.output` is an absolute path.
[[nodiscard]] Result<TrainReport> train_model(Engine& engine, const InstallModel& install, const TrainRequest& request,
                                              const std::function<void(const TrainProgress&)>& progress,
                                              const std::stop_token& stop);

// The errors of train_model that can be told without a look at pictures. Reads the labels of all items.
[[nodiscard]] Result<void> check_training(Engine& engine, const TrainRequest& request);

// Makes the output folder one of this request; what one of other options has left there goes, but for features.
[[nodiscard]] Result<void> begin_training(const TrainRequest& request);
// What begin_training has written: the request of an output folder.
[[nodiscard]] Result<TrainRequest> read_training(const std::filesystem::path& folder);
// As far as it is; empty where nothing is told yet.
[[nodiscard]] Result<TrainReport> read_report(const std::filesystem::path& folder);

}  // namespace eidetic
