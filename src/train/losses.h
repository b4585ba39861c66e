// Losses of metric learning over a batch of embeddings, with their gradients. All look at directions: embeddings (and
// proxies) are brought to length 1 first. Definitions, defaults and means are those of PyTorch Metric Learning, against
// which they are tested.
//
// circle: Sun et al. 2020. triplet: Schroff et al. 2015. multi_similarity: Wang et al. 2019. proxy_anchor: Kim et al.
// 2020. arcface: Deng et al. 2019. contrastive: Hadsell et al. 2006.
//
// Thread rule: `at` is pure; parameters change between its calls only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "index/matrix.h"
#include "train/pairs.h"

namespace eidetic {

enum class LossKind { circle, triplet, multi_similarity, proxy_anchor, arcface, contrastive };

struct LossOptions {
  LossKind kind = LossKind::circle;
  // circle 0.4 (m), triplet 0.05, multi_similarity 0.5 (lambda), proxy_anchor 0.1, contrastive 1 (of different ones);
  // arcface 28.6 (degrees)
  std::optional<double> margin = {};
  // circle 80 (gamma), multi_similarity 50 (beta), proxy_anchor 32 (alpha), arcface 64; the others have none
  std::optional<double> scale = {};
};

class Loss {
 public:
  struct Gradients {
    Matrix embeddings;              // n x d
    std::vector<float> parameters;  // as parameters()
  };

  Loss(const Loss&) = delete;
  Loss& operator=(const Loss&) = delete;
  virtual ~Loss() = default;

  // Of n embeddings of `classes`; `mined` are the pairs or triplets that count, of all_pairs() or a miner. Losses with
  // parameters look at every item and every class, whatever is mined. An embedding of length 0 has gradient 0.
  [[nodiscard]] virtual double at(MatrixView embeddings, std::span<const std::uint32_t> classes, const Mined& mined,
                                  Gradients& gradients) const = 0;
  // What is learnt with the embedding: a proxy (d values) of each class, of proxy_anchor and arcface; else none.
  [[nodiscard]] std::span<float> parameters() noexcept { return parameters_; }
  [[nodiscard]] std::span<const float> parameters() const noexcept { return parameters_; }

 protected:
  explicit Loss(std::vector<float> parameters) : parameters_(std::move(parameters)) {}

 private:
  std::vector<float> parameters_;
};

// For class numbers below `classes` and embeddings of `dimensions`; proxies are drawn by the seed.
[[nodiscard]] std::unique_ptr<Loss> make_loss(const LossOptions& options, std::size_t classes, std::size_t dimensions,
                                              std::uint64_t seed);

// Cosines of all rows with each other, n x n.
[[nodiscard]] Matrix cosines_of(MatrixView embeddings);

}  // namespace eidetic
