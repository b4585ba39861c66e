#include "training/split.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace eidetic {
namespace {

std::map<std::uint32_t, std::size_t> counted(const std::vector<std::uint32_t>& items,
                                             const std::vector<std::uint32_t>& by) {
  std::map<std::uint32_t, std::size_t> counts;
  for (const std::uint32_t item : items) ++counts[by[item]];
  return counts;
}

TEST(Split, TakesTheShareOfEachClass) {
  std::vector<std::uint32_t> classes;
  for (std::uint32_t i = 0; i < 100; ++i) classes.push_back(i % 4);
  classes.insert(classes.end(), {9, 9, 8});  // two items, and one
  const auto [learnt, held_out] = divide_within(classes, {}, 0.7, 1);
  EXPECT_EQ(learnt.size() + held_out.size(), 103U);
  auto counts = counted(held_out, classes);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_NEAR(static_cast<double>(counts[i]), 7.5, 0.5);
  EXPECT_EQ(counts[9], 1U);
  EXPECT_FALSE(counts.contains(8));
  EXPECT_EQ(divide_within(classes, {}, 0.7, 1).learnt, learnt);
  EXPECT_NE(divide_within(classes, {}, 0.7, 2).learnt, learnt);
}

TEST(Split, KeepsGroupsTogether) {
  std::vector<std::uint32_t> classes;
  std::vector<std::uint32_t> groups;
  for (std::uint32_t i = 0; i < 120; ++i) {
    classes.push_back(i % 3);
    groups.push_back(i % 3 * 100 + i / 12);
  }
  const auto [learnt, held_out] = divide_within(classes, groups, 0.5, 3);
  for (const auto& [group, count] : counted(learnt, groups)) EXPECT_FALSE(counted(held_out, groups).contains(group));
  EXPECT_EQ(learnt.size(), 60U);
}

TEST(Split, HoldsOutWholeClasses) {
  std::vector<std::uint32_t> classes;
  for (std::uint32_t i = 0; i < 100; ++i) classes.push_back(i % 10);
  const auto [learnt, held_out] = divide_classes(classes, 0.7, 3);
  EXPECT_EQ(counted(learnt, classes).size(), 7U);
  EXPECT_EQ(counted(held_out, classes).size(), 3U);
  EXPECT_EQ(learnt.size(), 70U);
}

}  // namespace
}  // namespace eidetic
