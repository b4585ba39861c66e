// A model for one's own pictures: an embedding head is learnt on the features of a trunk, from a collection's labels,
// and becomes a model bundle with the trunk (Engine::train_model). docs/training.md has the options, the files and what
// to expect.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/evaluation.h"
#include "eidetic/inspection.h"
#include "eidetic/item.h"

namespace eidetic {

struct TrainRequest {
  std::string collection;                         // whose pictures are learnt from
  std::string label = std::string(kFolderLabel);  // metadata field, or kFolderLabel: equal values are to be near
  std::string group = {};  // metadata field: items of an equal value are all learnt from or all held out; empty: none
  // within: of each class a part is held out. classes: whole classes are, so that the figures are of classes that
  // nothing was learnt of.
  enum class Split { within, classes };
  Split split = Split::within;
  double learnt = 0.7;  // share that is learnt from, above 0 and below 1

  std::string name = "metric_project";  // of the model that is made; a model of that name must not be there
  std::string trunk = "default";
  std::uint32_t input_size = 0;  // longer side of the pictures as the trunk gets them; 0: as its bundle says
  std::vector<std::size_t> layers = {1024, 1024, 1024};  // outputs of the head's layers
  std::uint32_t views = 1;  // of each picture: itself, and others that chance crops and mirrors; 1 to 64

  std::string loss = "circle";  // circle, triplet, multi_similarity, proxy_anchor, arcface, contrastive
  std::optional<double> margin = {}, scale = {};  // of the loss, docs/training.md
  std::string miner = "multi_similarity";         // none, multi_similarity, semi_hard, hard
  std::uint32_t batch_size = 8;
  std::uint32_t per_class = 2;  // items of each class in a batch; 0: drawn whatever their class
  std::uint32_t epochs = 10;
  double learning_rate = 1e-5;
  double weight_decay = 1e-4;
  std::string optimizer = "adam";     // adam, adamw
  double warmup_epochs = 0;           // in which the learning rate rises from 0
  std::string schedule = "constant";  // constant, cosine
  std::uint32_t patience = 0;         // epochs without a better MAP@R after which it ends; 0: never
  std::uint64_t seed = 1;

  std::filesystem::path output = {};  // folder of features, checkpoint, logs and report; empty: NAME-training
};
[[nodiscard]] std::string_view to_string(TrainRequest::Split split) noexcept;
[[nodiscard]] Result<TrainRequest::Split> parse_split(std::string_view name);

struct TrainEpoch {
  std::uint32_t number = 0;
  double loss = 0, learning_rate = 0;
  double mined = 0;  // pairs and triplets a batch, mean
  RetrievalMeasures held_out;
  double seconds = 0;
};

struct TrainProgress {
  std::string stage;                              // "features", "epochs"
  std::uint64_t done = 0, total = 0, failed = 0;  // pictures, then epochs
  std::optional<TrainEpoch> epoch = {};           // of "epochs": the one that just ended
};

// Items held out whose nearest other one has another label.
struct TrainConfusion {
  std::string label, taken_for;
  std::uint64_t count = 0;  // of them
  std::string id, nearest;  // those two that are nearest to each other
  double similarity = 0;    // their cosine
};

// Where an item held out lies in the plane, near to what its vector is near to (UMAP), by the trunk and with the head.
struct TrainPlace {
  std::string label;
  PlanePoint before, after;
};

struct TrainReport {
  std::string name;              // of the model
  std::string model;             // its folder; empty: interrupted
  std::filesystem::path folder;  // request.output
  std::uint64_t items = 0;       // with a label, and a picture that could be read
  std::uint64_t classes = 0;
  std::uint64_t learnt = 0, held_out = 0;
  std::vector<ItemError> errors;  // pictures that could not be read, at most 10,000
  std::uint64_t failed = 0;
  // Of the items held out, by the trunk and by the best epoch.
  RetrievalMeasures before, before_margin, after, after_margin;
  std::uint32_t best_epoch = 0;
  std::vector<TrainEpoch> epochs;
  std::vector<EvalReport::Class> worst;    // of those held out, after: the worst MAP@R first, at most 20
  std::vector<TrainConfusion> confusions;  // of those held out, after: the most first, at most 20
  std::vector<TrainPlace> map;             // of those held out, or 1,000 of them that the seed chooses
  double seconds = 0;
  bool interrupted = false;  // not at its end: the same call goes on from there
};

// What the output folder holds for people and programs.
inline constexpr std::array<std::string_view, 5> kTrainingFiles = {"report.html", "report.json", "epochs.csv",
                                                                   "training.json", "events.out.tfevents.eidetic"};

}  // namespace eidetic
