// How long one pass over a large collection of vectors takes that looks for duplicates, and how much memory.
//   duplicates_bench DATA make ITEMS   a collection "vectors" of ITEMS x 256 around 1,000 centres in DATA, every
//   hundredth
//                                      with a copy beside it that is moved a little; its index built
//   duplicates_bench DATA run          the pass, in a process of its own: seconds, peak memory, and what was found
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "eidetic/engine.h"

namespace {

using namespace eidetic;

constexpr std::uint32_t kDimensions = 256;
constexpr std::size_t kCentres = 1000;
constexpr std::size_t kBatch = 10'000;
constexpr std::size_t kEvery = 100;
constexpr float kMove = 0.002F;  // of a component of a copy, standard deviation; components of the vectors are 1/16

template <typename T>
T need(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "duplicates_bench: {}\n", result.error().message);
  std::exit(1);
}

// "VmHWM: 1234 kB" of this process, in megabytes.
double megabytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1)) / 1000 * 1.024;
  }
  return 0;
}

Vector random_vector(std::mt19937_64& random, float deviation) {
  std::normal_distribution<float> normal(0, deviation);
  Vector vector(kDimensions);
  for (float& value : vector) value = normal(random);
  return vector;
}

void make(Engine& engine, std::size_t items) {
  need(engine.create("vectors", {.dimensions = kDimensions}));
  std::mt19937_64 random(1);
  std::vector<Vector> centres;
  for (std::size_t i = 0; i < kCentres; ++i) centres.push_back(random_vector(random, 0.0625F));
  std::vector<NewItem> batch;
  const auto store = [&] {
    for (const auto& result : need(engine.put("vectors", batch))) need(result);
    batch.clear();
  };
  for (std::size_t i = 0; i < items; ++i) {
    Vector vector = random_vector(random, 0.0625F);
    const Vector& centre = centres[i % kCentres];
    for (std::size_t d = 0; d < kDimensions; ++d) vector[d] += centre[d];
    // The copy of the item before; both keep their names beside each other.
    if (i % kEvery == 1) {
      const Vector moved = random_vector(random, kMove);
      vector = batch.empty() ? vector : batch.back().vector;
      for (std::size_t d = 0; d < kDimensions; ++d) vector[d] += moved[d];
    }
    batch.push_back({.id = fmt::format("{:08}", i), .vector = std::move(vector)});
    if (batch.size() == kBatch) store();
  }
  if (!batch.empty()) store();
  while (true) {
    const auto info = need(engine.describe("vectors"));
    if (info.index_building.empty()) {
      fmt::print("{} items, {}\n", info.items, info.index_kind);
      return;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

void run(Engine& engine) {
  const auto info = need(engine.describe("vectors"));
  const auto report = need(engine.duplicates("vectors", {.limit = kMaxDuplicateGroups}));
  const auto after = need(engine.describe("vectors"));
  std::size_t right = 0;
  std::size_t members = 0;
  for (const auto& group : report.found) {
    members += group.members.size() - 1;
    for (const auto& member : group.members) {
      const auto one = std::stoul(member.id);
      const auto centre = std::stoul(group.centre);
      right += one != centre && one / kEvery == centre / kEvery && one % kEvery <= 1 && centre % kEvery <= 1 ? 1 : 0;
    }
  }
  const auto planted = (info.items + kEvery - 2) / kEvery;
  fmt::print("{} items ({}): {:.1f} s, {} pairs judged, {} groups\n", report.items, after.index_kind, report.seconds,
             report.pairs, report.groups);
  fmt::print("planted {}: recall {:.4f}, precision {:.4f}\n", planted,
             static_cast<double>(right) / static_cast<double>(planted),
             static_cast<double>(right) / static_cast<double>(std::max<std::size_t>(members, 1)));
  fmt::print("peak {:.0f} MB resident, {:.0f} MB of it now in memory of its own, index {:.0f} MB\n",
             megabytes("VmHWM:"), megabytes("RssAnon:"), static_cast<double>(after.memory_bytes) / 1e6);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    fmt::print(stderr, "duplicates_bench DATA make ITEMS | run\n");
    return 2;
  }
  const auto engine = need(Engine::open({.data_dir = arguments[1]}));
  if (std::string(arguments[2]) == "make") {
    make(*engine, count > 3 ? std::stoul(arguments[3]) : 1'000'000);
  } else {
    run(*engine);
  }
}
