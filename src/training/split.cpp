#include "training/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <utility>

namespace eidetic {
namespace {

Division in_order(Division division) {
  std::ranges::sort(division.learnt);
  std::ranges::sort(division.held_out);
  return division;
}

// How many of `count` are learnt from.
std::size_t share_of(std::size_t count, double share) {
  if (count < 2) return count;
  const auto wanted = static_cast<std::size_t>(std::lround(share * static_cast<double>(count)));
  return std::clamp<std::size_t>(wanted, 1, count - 1);
}

}  // namespace

Division divide_within(std::span<const std::uint32_t> classes, std::span<const std::uint32_t> groups, double share,
                       std::uint64_t seed) {
  // Bundles of items that stay together: a group, or a single item. A bundle counts for the class of its first item.
  std::map<std::uint32_t, std::size_t> bundle_of;
  std::vector<std::vector<std::uint32_t>> bundles;
  for (std::uint32_t i = 0; i < classes.size(); ++i) {
    const auto [place, is_new] = bundle_of.try_emplace(groups.empty() ? i : groups[i], bundles.size());
    if (is_new) bundles.emplace_back();
    bundles[place->second].push_back(i);
  }
  std::map<std::uint32_t, std::vector<std::size_t>> of_class;
  for (std::size_t i = 0; i < bundles.size(); ++i) of_class[classes[bundles[i].front()]].push_back(i);
  std::mt19937_64 random(seed);
  Division division;
  for (auto& [number, members] : of_class) {
    std::ranges::shuffle(members, random);
    const std::size_t count = share_of(members.size(), share);
    for (std::size_t i = 0; i < members.size(); ++i) {
      auto& part = i < count ? division.learnt : division.held_out;
      part.insert(part.end(), bundles[members[i]].begin(), bundles[members[i]].end());
    }
  }
  return in_order(std::move(division));
}

Division divide_classes(std::span<const std::uint32_t> classes, double share, std::uint64_t seed) {
  std::vector<std::uint32_t> all(classes.begin(), classes.end());
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  std::mt19937_64 random(seed);
  std::ranges::shuffle(all, random);
  all.resize(share_of(all.size(), share));
  Division division;
  for (std::uint32_t i = 0; i < classes.size(); ++i) {
    const bool learnt = std::ranges::find(all, classes[i]) != all.end();
    (learnt ? division.learnt : division.held_out).push_back(i);
  }
  return division;
}

}  // namespace eidetic
