// How an embedding head is learnt on a trunk's frozen features: batches of a few classes, a loss of metric learning on
// pairs that a miner picks, Adam. After each epoch the held-out items are ranked among each other, and the head with
// the best MAP@R is the answer. Thread rule: one call a training; pure. The same seed, features and options give the
// same bits on any number of threads, in one go or resumed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/evaluation.h"

#include "train/adam.h"
#include "train/losses.h"
#include "train/perceptron.h"
#include "train/sampler.h"

namespace eidetic {

struct Examples {
  // Each item in several views, of which a batch draws one: those of item i are rows i * views to (i + 1) * views - 1.
  // The first is the picture as it is.
  MatrixView features;
  std::size_t views = 1;
  std::span<const std::uint32_t> classes;  // of each item
};

struct HeadTrainingOptions {
  std::vector<std::size_t> layers = {1024, 1024, 1024};  // 1 to 8 layers of 1 to 16,384
  LossOptions loss = {};
  Miner miner = Miner::multi_similarity;
  BatchPlan batch = {};
  unsigned epochs = 10;          // 1 to 100,000
  double learning_rate = 1e-5;   // above 0, of the layers and of the loss's proxies
  double weight_decay = 1e-4;    // 0 or more
  bool decoupled_decay = false;  // AdamW in place of Adam
  double warmup_epochs = 0;      // in which the learning rate rises from 0, as a line
  bool cosine = false;           // afterwards it falls to 0 along half a cosine; else it stays
  unsigned patience = 0;         // epochs without a better MAP@R after which it ends; 0: it never does
  std::uint64_t seed = 1;
  ThreadPool* pool = nullptr;               // null: on the calling thread
  const std::atomic<bool>* stop = nullptr;  // where set and true, it ends after the batch: `unavailable`
};

struct Epoch {
  unsigned number = 0;       // from 1
  double loss = 0;           // mean over the batches
  double learning_rate = 0;  // at its end
  double mined = 0;          // pairs and triplets a batch, mean
  RetrievalMeasures held_out;
  double seconds = 0;
};

// All that a training needs to go on from the end of an epoch.
struct HeadCheckpoint {
  std::vector<Epoch> epochs;
  std::vector<float> parameters, loss_parameters;
  Adam::State optimizer, loss_optimizer;
  std::string random;  // the state of the generator of random numbers
  std::vector<float> best;
  unsigned best_epoch = 0;  // 0: the head as it began
  double best_map_at_r = 0;
};

struct TrainedHead {
  PerceptronShape shape;
  std::vector<float> parameters;  // of the best epoch
  RetrievalMeasures before;       // the trunk's features themselves, held out
  unsigned best_epoch = 0;
  std::vector<Epoch> epochs;
};

// invalid_argument: options out of bounds.
[[nodiscard]] Result<void> check_options(const HeadTrainingOptions& options);
// invalid_argument: fewer than two classes, or none with two items. `which` items they are, for the message.
[[nodiscard]] Result<void> check_classes(std::span<const std::uint32_t> classes, std::string_view which);

// `after_epoch` gets what a later call takes as `from`; its error ends the training. invalid_argument: those of the
// checks, of either part; a feature that is not finite (naming the row). internal: the loss is no number any more,
// which a smaller learning rate mends.
[[nodiscard]] Result<TrainedHead> train_head(
    const Examples& learnt, const Examples& held_out, const HeadTrainingOptions& options,
    std::optional<HeadCheckpoint> from = {},
    const std::function<Result<void>(const HeadCheckpoint&)>& after_epoch = {});

}  // namespace eidetic
