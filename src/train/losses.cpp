#include "train/losses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <utility>

#include "train/directions.h"
#include "train/distance.h"

namespace eidetic {
namespace {

// log(sum of exp(x)) of numbers that come one by one, with the share that each has in it.
class LogSumExp {
 public:
  // with_one: as if a 0 were among them.
  explicit LogSumExp(bool with_one) : with_one_(with_one) {}

  void clear() { values_.clear(); }
  void add(double value) { values_.push_back(value); }
  [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
  // Of none: 0.
  [[nodiscard]] double value() {
    if (values_.empty()) return 0;
    largest_ = std::ranges::max(values_);
    if (with_one_) largest_ = std::max(largest_, 0.0);
    sum_ = with_one_ ? std::exp(-largest_) : 0;
    for (const double value : values_) sum_ += std::exp(value - largest_);
    return largest_ + std::log(sum_);
  }
  // Of the value added as the i-th; after value().
  [[nodiscard]] double share(std::size_t i) const { return std::exp(values_[i] - largest_) / sum_; }

 private:
  bool with_one_;
  std::vector<double> values_;
  double largest_ = 0, sum_ = 0;
};

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

void scale(Matrix& matrix, double factor) {
  for (float& value : matrix.values()) value = static_cast<float>(value * factor);
}

// --- losses of cosines with each other ---

class PairLoss : public Loss {
 public:
  PairLoss() : Loss({}) {}

  [[nodiscard]] double at(MatrixView embeddings, std::span<const std::uint32_t> classes, const Mined& mined,
                          Gradients& gradients) const final {
    const Directions directions(embeddings);
    const Matrix& unit = directions.unit();
    const std::size_t count = classes.size();
    Matrix cosines(count, count);
    products(unit, unit, cosines.values());
    Matrix by_cosine(count, count);
    const double value = of_cosines(cosines, mined, by_cosine);
    // A cosine is of two rows: what it says goes to both.
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j <= i; ++j) by_cosine[i][j] = by_cosine[j][i] = by_cosine[i][j] + by_cosine[j][i];
    }
    gradients.embeddings = Matrix(count, embeddings.columns);
    multiply(by_cosine, unit, gradients.embeddings.values());
    directions.pull_back(gradients.embeddings);
    gradients.parameters.clear();
    return value;
  }

 private:
  // The loss, and in `gradient`, which is 0, its gradient by each cosine.
  [[nodiscard]] virtual double of_cosines(const Matrix& cosines, const Mined& mined, Matrix& gradient) const = 0;
};

// The pairs of each anchor, each once.
struct PairsByAnchor {
  explicit PairsByAnchor(const Mined& mined) : pairs(pairs_of(mined)) {
    for (auto* list : {&pairs.positives, &pairs.negatives}) {
      std::ranges::sort(*list);
      list->erase(std::ranges::unique(*list).begin(), list->end());
    }
  }
  [[nodiscard]] static auto of(const std::vector<Pair>& list, std::size_t anchor) {
    return std::ranges::equal_range(list, static_cast<std::uint32_t>(anchor), {}, &Pair::anchor);
  }
  [[nodiscard]] auto positives(std::size_t anchor) const { return of(pairs.positives, anchor); }
  [[nodiscard]] auto negatives(std::size_t anchor) const { return of(pairs.negatives, anchor); }

  Mined pairs;
};

class CircleLoss final : public PairLoss {
 public:
  CircleLoss(double margin, double gamma) : margin_(margin), gamma_(gamma) {}

 private:
  double of_cosines(const Matrix& cosines, const Mined& mined, Matrix& gradient) const override {
    const PairsByAnchor pairs(mined);
    LogSumExp positive(false);
    LogSumExp negative(false);
    double sum = 0;
    std::size_t counted = 0;
    for (std::size_t a = 0; a < cosines.rows(); ++a) {
      const auto positives = pairs.positives(a);
      const auto negatives = pairs.negatives(a);
      if (positives.empty() || negatives.empty()) continue;
      positive.clear();
      negative.clear();
      const auto row = cosines[a];
      // The weights are taken as constants.
      const auto pull = [&](const Pair& pair) { return -gamma_ * std::max(0.0, 1 + margin_ - row[pair.other]); };
      const auto push = [&](const Pair& pair) { return gamma_ * std::max(0.0, row[pair.other] + margin_); };
      for (const Pair& pair : positives) positive.add(pull(pair) * (row[pair.other] - (1 - margin_)));
      for (const Pair& pair : negatives) negative.add(push(pair) * (row[pair.other] - margin_));
      const double exponent = positive.value() + negative.value();
      const double loss = softplus(exponent);
      sum += loss;
      if (loss > 0) ++counted;
      const double slope = logistic(exponent);
      for (std::size_t i = 0; const Pair& pair : positives) {
        gradient[a][pair.other] += static_cast<float>(slope * positive.share(i++) * pull(pair));
      }
      for (std::size_t i = 0; const Pair& pair : negatives) {
        gradient[a][pair.other] += static_cast<float>(slope * negative.share(i++) * push(pair));
      }
    }
    if (counted == 0) return 0;
    scale(gradient, 1 / static_cast<double>(counted));
    return sum / static_cast<double>(counted);
  }

  double margin_, gamma_;
};

class MultiSimilarityLoss final : public PairLoss {
 public:
  MultiSimilarityLoss(double base, double beta) : base_(base), beta_(beta) {}

 private:
  double of_cosines(const Matrix& cosines, const Mined& mined, Matrix& gradient) const override {
    constexpr double kAlpha = 2;
    const PairsByAnchor pairs(mined);
    LogSumExp exponents(true);
    double sum = 0;
    const auto add = [&](std::size_t a, const auto& list, double sharpness) {
      exponents.clear();
      for (const Pair& pair : list) exponents.add(sharpness * (cosines[a][pair.other] - base_));
      sum += exponents.value() / std::abs(sharpness);
      for (std::size_t i = 0; const Pair& pair : list) {
        gradient[a][pair.other] += static_cast<float>(std::copysign(exponents.share(i++), sharpness));
      }
    };
    for (std::size_t a = 0; a < cosines.rows(); ++a) {
      add(a, pairs.positives(a), -kAlpha);
      add(a, pairs.negatives(a), beta_);
    }
    const auto count = static_cast<double>(cosines.rows());
    scale(gradient, 1 / count);
    return sum / count;
  }

  double base_, beta_;
};

// The slope of a distance by its cosine; a distance of 0 has none.
double distance_slope(double distance) { return distance > 0 ? -1 / distance : 0; }

class TripletLoss final : public PairLoss {
 public:
  explicit TripletLoss(double margin) : margin_(margin) {}

 private:
  double of_cosines(const Matrix& cosines, const Mined& mined, Matrix& gradient) const override {
    double sum = 0;
    std::size_t counted = 0;
    for (const auto& [anchor, positive, negative] : triplets_of(mined)) {
      const double near = distance_of(cosines[anchor][positive]);
      const double far = distance_of(cosines[anchor][negative]);
      const double loss = near - far + margin_;
      if (loss <= 0) continue;
      sum += loss;
      ++counted;
      gradient[anchor][positive] += static_cast<float>(distance_slope(near));
      gradient[anchor][negative] -= static_cast<float>(distance_slope(far));
    }
    if (counted == 0) return 0;
    scale(gradient, 1 / static_cast<double>(counted));
    return sum / static_cast<double>(counted);
  }

  double margin_;
};

class ContrastiveLoss final : public PairLoss {
 public:
  explicit ContrastiveLoss(double margin) : margin_(margin) {}

 private:
  double of_cosines(const Matrix& cosines, const Mined& mined, Matrix& gradient) const override {
    const Mined pairs = pairs_of(mined);
    // The mean of those that are above 0, of each kind.
    const auto add = [&](const std::vector<Pair>& list, double sign, double margin) {
      const auto loss_of = [&](const Pair& pair) {
        return std::max(0.0, sign * distance_of(cosines[pair.anchor][pair.other]) + margin);
      };
      const auto counted =
          static_cast<double>(std::ranges::count_if(list, [&](const Pair& pair) { return loss_of(pair) > 0; }));
      double sum = 0;
      for (const Pair& pair : list) {
        const double loss = loss_of(pair);
        if (loss == 0) continue;
        sum += loss / counted;
        const double slope = distance_slope(distance_of(cosines[pair.anchor][pair.other]));
        gradient[pair.anchor][pair.other] += static_cast<float>(sign * slope / counted);
      }
      return sum;
    };
    return add(pairs.positives, 1, 0) + add(pairs.negatives, -1, margin_);
  }

  double margin_;
};

// --- losses of cosines with proxies ---

class ProxyLoss : public Loss {
 public:
  ProxyLoss(std::vector<float> proxies, std::size_t dimensions) : Loss(std::move(proxies)), dimensions_(dimensions) {}

  [[nodiscard]] double at(MatrixView embeddings, std::span<const std::uint32_t> classes, const Mined& /*mined*/,
                          Gradients& gradients) const final {
    const Directions items(embeddings);
    const Directions proxies(MatrixView(parameters(), dimensions_));
    const std::size_t count = proxies.unit().rows();
    Matrix cosines(classes.size(), count);
    products(items.unit(), proxies.unit(), cosines.values());
    Matrix by_cosine(classes.size(), count);
    const double value = of_cosines(cosines, classes, by_cosine);
    gradients.embeddings = Matrix(classes.size(), dimensions_);
    multiply(by_cosine, proxies.unit(), gradients.embeddings.values());
    items.pull_back(gradients.embeddings);
    std::vector<double> sums(parameters().size());
    add_transposed_product(by_cosine, items.unit(), sums);
    Matrix by_proxy(count, dimensions_);
    std::ranges::transform(sums, by_proxy.values().begin(), [](double sum) { return static_cast<float>(sum); });
    proxies.pull_back(by_proxy);
    gradients.parameters.assign(by_proxy.values().begin(), by_proxy.values().end());
    return value;
  }

 private:
  // As in PairLoss, by each cosine of an item with a proxy.
  [[nodiscard]] virtual double of_cosines(const Matrix& cosines, std::span<const std::uint32_t> classes,
                                          Matrix& gradient) const = 0;

  std::size_t dimensions_;
};

class ProxyAnchorLoss final : public ProxyLoss {
 public:
  ProxyAnchorLoss(std::vector<float> proxies, std::size_t dimensions, double margin, double alpha)
      : ProxyLoss(std::move(proxies), dimensions), margin_(margin), alpha_(alpha) {}

 private:
  double of_cosines(const Matrix& cosines, std::span<const std::uint32_t> classes, Matrix& gradient) const override {
    std::vector<std::uint8_t> present(cosines.columns());
    for (const std::uint32_t one : classes) present[one] = 1;
    const auto with_items = static_cast<double>(std::ranges::count(present, 1));
    const auto all = static_cast<double>(cosines.columns());
    LogSumExp positive(true);
    LogSumExp negative(true);
    double value = 0;
    for (std::uint32_t c = 0; c < cosines.columns(); ++c) {
      positive.clear();
      negative.clear();
      for (std::size_t i = 0; i < classes.size(); ++i) {
        if (classes[i] == c) {
          positive.add(alpha_ * (margin_ - cosines[i][c]));
        } else {
          negative.add(alpha_ * (cosines[i][c] + margin_));
        }
      }
      value += positive.value() / with_items + negative.value() / all;
      std::size_t positives = 0;
      std::size_t negatives = 0;
      for (std::size_t i = 0; i < classes.size(); ++i) {
        const double slope = classes[i] == c ? -alpha_ * positive.share(positives++) / with_items
                                             : alpha_ * negative.share(negatives++) / all;
        gradient[i][c] = static_cast<float>(slope);
      }
    }
    return value;
  }

  double margin_, alpha_;
};

class ArcFaceLoss final : public ProxyLoss {
 public:
  ArcFaceLoss(std::vector<float> proxies, std::size_t dimensions, double margin, double scale)
      : ProxyLoss(std::move(proxies), dimensions), margin_(margin), scale_(scale) {}

 private:
  double of_cosines(const Matrix& cosines, std::span<const std::uint32_t> classes, Matrix& gradient) const override {
    LogSumExp logits(false);
    const auto count = static_cast<double>(classes.size());
    double value = 0;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const std::uint32_t own = classes[i];
      const auto [logit, slope] = with_margin(cosines[i][own]);
      logits.clear();
      for (std::size_t c = 0; c < cosines.columns(); ++c) logits.add(scale_ * (c == own ? logit : cosines[i][c]));
      value += (logits.value() - scale_ * logit) / count;
      for (std::size_t c = 0; c < cosines.columns(); ++c) {
        const double by_logit = scale_ * (logits.share(c) - (c == own ? 1 : 0)) / count;
        gradient[i][c] = static_cast<float>(by_logit * (c == own ? slope : 1));
      }
    }
    return value;
  }

  // The cosine of the angle and the margin, and its slope by the cosine. Beyond half a turn it falls on as a line.
  [[nodiscard]] std::pair<double, double> with_margin(double cosine) const {
    constexpr double kLeast = 1e-7;
    const double bounded = std::clamp(cosine, -1 + kLeast, 1 - kLeast);
    const double angle = std::acos(bounded);
    if (angle > std::numbers::pi - margin_) return {bounded - margin_ * std::sin(margin_), 1};
    return {std::cos(angle + margin_), std::sin(angle + margin_) / std::sin(angle)};
  }

  double margin_, scale_;
};

// Normal, of a spread of sqrt(2 / classes) (He et al. 2015, by the outputs).
std::vector<float> fresh_proxies(std::size_t classes, std::size_t dimensions, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> spread(0, std::sqrt(2.F / static_cast<float>(classes)));
  std::vector<float> proxies(classes * dimensions);
  for (float& value : proxies) value = spread(random);
  return proxies;
}

}  // namespace

std::unique_ptr<Loss> make_loss(const LossOptions& options, std::size_t classes, std::size_t dimensions,
                                std::uint64_t seed) {
  const auto margin = [&](double usual) { return options.margin.value_or(usual); };
  const auto scale = [&](double usual) { return options.scale.value_or(usual); };
  const auto proxies = [&] { return fresh_proxies(classes, dimensions, seed); };
  constexpr double kDegree = std::numbers::pi / 180;
  switch (options.kind) {
    case LossKind::circle: return std::make_unique<CircleLoss>(margin(0.4), scale(80));
    case LossKind::triplet: return std::make_unique<TripletLoss>(margin(0.05));
    case LossKind::multi_similarity: return std::make_unique<MultiSimilarityLoss>(margin(0.5), scale(50));
    case LossKind::contrastive: return std::make_unique<ContrastiveLoss>(margin(1));
    case LossKind::proxy_anchor:
      return std::make_unique<ProxyAnchorLoss>(proxies(), dimensions, margin(0.1), scale(32));
    case LossKind::arcface:
      return std::make_unique<ArcFaceLoss>(proxies(), dimensions, kDegree * margin(28.6), scale(64));
  }
  std::unreachable();
}

Matrix cosines_of(MatrixView embeddings) {
  const Directions directions(embeddings);
  Matrix cosines(embeddings.rows(), embeddings.rows());
  products(directions.unit(), directions.unit(), cosines.values());
  return cosines;
}

}  // namespace eidetic
