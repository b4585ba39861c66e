#include "index/umap.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <utility>

namespace eidetic {
namespace {

constexpr float kExtent = 10;    // of the start, in both directions from the middle
constexpr float kStep = 4;       // no coordinate moves further at once
constexpr float kNegatives = 5;  // points pushed away for each pulled near
constexpr std::size_t kManyPoints = 10'000;

struct Edge {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  float weight = 0;
};

// How surely each neighbour is one: 1 for the nearest, falling so that all together come to log2(count) (section 3.1).
std::vector<float> memberships(std::span<const PlaneNeighbor> neighbors) {
  constexpr int kHalvings = 64;
  const auto wanted = std::log2(static_cast<double>(neighbors.size() + 1));
  const auto positive = std::ranges::find_if(neighbors, [](const PlaneNeighbor& near) { return near.distance > 0; });
  const double nearest = positive == neighbors.end() ? 0 : static_cast<double>(positive->distance);
  double low = 0;
  double high = INFINITY;
  double sigma = 1;
  const auto member = [&](const PlaneNeighbor& near) {
    const double beyond = static_cast<double>(near.distance) - nearest;
    return beyond > 0 ? std::exp(-beyond / sigma) : 1;
  };
  for (int i = 0; i < kHalvings; ++i) {
    double sum = 0;
    for (const PlaneNeighbor& near : neighbors) sum += member(near);
    if (std::abs(sum - wanted) < 1e-5) break;
    (sum > wanted ? high : low) = sigma;
    sigma = std::isinf(high) ? sigma * 2 : (low + high) / 2;
  }
  std::vector<float> members;
  members.reserve(neighbors.size());
  for (const PlaneNeighbor& near : neighbors) members.push_back(static_cast<float>(member(near)));
  return members;
}

// Both directions in one: a pair is as sure as that either says so.
std::vector<Edge> edges_of(std::span<const PlaneNeighbor> neighbors, std::size_t count) {
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < neighbors.size() / count; ++i) {
    const auto own = neighbors.subspan(i * count, count);
    const std::vector<float> members = memberships(own);
    for (std::size_t j = 0; j < count; ++j) {
      if (own[j].point == i) continue;
      const auto [a, b] = std::minmax(static_cast<std::uint32_t>(i), own[j].point);
      edges.push_back({.a = a, .b = b, .weight = members[j]});
    }
  }
  std::ranges::sort(edges, [](const Edge& x, const Edge& y) { return x.a != y.a ? x.a < y.a : x.b < y.b; });
  std::vector<Edge> joined;
  for (const Edge& edge : edges) {
    if (!joined.empty() && joined.back().a == edge.a && joined.back().b == edge.b) {
      float& weight = joined.back().weight;
      weight = weight + edge.weight - weight * edge.weight;
    } else {
      joined.push_back(edge);
    }
  }
  return joined;
}

// 1 / (1 + a d^2b) is how near neighbours lie; a and b so that it is 1 up to the least distance and falls from there as
// exp does: least squares by Gauss and Newton, as the reference does by curve_fit.
std::pair<double, double> curve(double min_distance) {
  constexpr int kSamples = 300;
  constexpr double kReach = 3;
  double a = 1;
  double b = 1;
  for (int round = 0; round < 100; ++round) {
    double aa = 0;
    double ab = 0;
    double bb = 0;
    double ra = 0;
    double rb = 0;
    for (int i = 1; i <= kSamples; ++i) {
      const double x = kReach * i / kSamples;
      const double wanted = x < min_distance ? 1 : std::exp(-(x - min_distance));
      const double power = std::pow(x, 2 * b);
      const double value = 1 / (1 + a * power);
      const double by_a = -value * value * power;
      const double by_b = by_a * a * 2 * std::log(x);
      const double rest = wanted - value;
      aa += by_a * by_a;
      ab += by_a * by_b;
      bb += by_b * by_b;
      ra += by_a * rest;
      rb += by_b * rest;
    }
    const double determinant = aa * bb - ab * ab;
    if (!(std::abs(determinant) > 1e-12)) break;
    a = std::max(1e-3, a + (ra * bb - rb * ab) / determinant);
    b = std::max(1e-3, b + (rb * aa - ra * ab) / determinant);
  }
  return {a, b};
}

void spread(std::vector<PlanePoint>& points, std::mt19937_64& random) {
  float largest = 0;
  for (const PlanePoint& point : points) largest = std::max({largest, std::abs(point.x), std::abs(point.y)});
  const float scale = largest > 0 ? kExtent / largest : 0;
  // A little noise tells points apart that lie on one another.
  std::normal_distribution<float> noise(0, 1e-4F);
  for (PlanePoint& point : points) point = {.x = point.x * scale + noise(random), .y = point.y * scale + noise(random)};
}

class Layout {
 public:
  Layout(std::vector<PlanePoint> points, std::vector<Edge> edges, const UmapOptions& options)
      : points_(std::move(points)), edges_(std::move(edges)), random_(options.seed) {
    std::tie(a_, b_) = curve(options.min_distance > 0 ? static_cast<double>(options.min_distance) : 0.1);
    epochs_ = options.epochs != 0 ? options.epochs : points_.size() <= kManyPoints ? 500 : 200;
    spread(points_, random_);
  }

  std::vector<PlanePoint> run() {
    float largest = 0;
    for (const Edge& edge : edges_) largest = std::max(largest, edge.weight);
    // An edge's turn comes as often as it is sure.
    std::vector<float> due(edges_.size());
    for (std::size_t i = 0; i < edges_.size(); ++i) due[i] = largest / edges_[i].weight;
    const std::vector<float> every = due;
    for (unsigned epoch = 0; epoch < epochs_; ++epoch) {
      rate_ = 1 - static_cast<float>(epoch) / static_cast<float>(epochs_);
      for (std::size_t i = 0; i < edges_.size(); ++i) {
        if (due[i] > static_cast<float>(epoch + 1)) continue;
        due[i] += every[i];
        turn(edges_[i]);
      }
    }
    return std::move(points_);
  }

 private:
  void turn(const Edge& edge) {
    pull(points_[edge.a], points_[edge.b]);
    for (int i = 0; i < static_cast<int>(kNegatives); ++i) {
      const auto other = static_cast<std::uint32_t>(random_() % points_.size());
      if (other != edge.a) push(points_[edge.a], points_[other]);
    }
  }
  static float square(const PlanePoint& p, const PlanePoint& q) {
    return (p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y);
  }
  void move(PlanePoint& point, const PlanePoint& from, float force) const {
    point.x += rate_ * std::clamp(force * (point.x - from.x), -kStep, kStep);
    point.y += rate_ * std::clamp(force * (point.y - from.y), -kStep, kStep);
  }
  void pull(PlanePoint& p, PlanePoint& q) const {
    const double distance = static_cast<double>(square(p, q));
    if (!(distance > 0)) return;
    const double power = std::pow(distance, b_);
    const auto force = static_cast<float>(-2 * a_ * b_ * power / distance / (1 + a_ * power));
    const PlanePoint before = p;
    move(p, q, force);
    move(q, before, force);
  }
  void push(PlanePoint& p, const PlanePoint& q) const {
    const double distance = static_cast<double>(square(p, q));
    if (!(distance > 0)) return;
    const double power = std::pow(distance, b_);
    move(p, q, static_cast<float>(2 * b_ / ((0.001 + distance) * (1 + a_ * power))));
  }

  std::vector<PlanePoint> points_;
  std::vector<Edge> edges_;
  std::mt19937_64 random_;
  double a_ = 0;
  double b_ = 0;
  unsigned epochs_ = 0;
  float rate_ = 1;
};

}  // namespace

std::vector<PlanePoint> umap(std::span<const PlaneNeighbor> neighbors, std::size_t count, std::vector<PlanePoint> start,
                             const UmapOptions& options) {
  if (start.size() < 2 || count == 0) return start;
  return Layout(std::move(start), edges_of(neighbors, count), options).run();
}

}  // namespace eidetic
