#include "learn/mutual_information.h"

#include <gtest/gtest.h>

#include <vector>

namespace eidetic {
namespace {

using Groups = std::vector<std::uint32_t>;

struct Case {
  Groups a, b;
  double normalized, adjusted;  // as scikit-learn 1.7 says
};

TEST(MutualInformation, IsThatOfScikitLearn) {
  Groups sevenths;
  Groups squares;
  for (std::uint32_t i = 0; i < 100; ++i) {
    sevenths.push_back(i % 7);
    squares.push_back(i * i % 11);
  }
  const std::vector<Case> cases = {
      {{0, 0, 1, 1}, {1, 1, 0, 0}, 1, 1},
      {{0, 0, 1, 1}, {0, 1, 0, 1}, 0, -0.5},
      {{0, 0, 0, 1, 1, 2, 2, 2, 2}, {0, 0, 1, 1, 1, 2, 2, 0, 2}, 0.589509827447305, 0.4086705097217217},
      {{0, 1, 2, 3}, {0, 1, 2, 3}, 1, 1},
      {{0, 0, 0, 0}, {0, 1, 2, 3}, 0, 0},
      {{0, 0}, {0, 0}, 1, 1},
      {sevenths, squares, 0.017594123968833312, -0.0836614925590961},
  };
  for (const auto& [a, b, normalized, adjusted] : cases) {
    EXPECT_NEAR(mutual_information(a, b).normalized, normalized, 1e-9);
    EXPECT_NEAR(mutual_information(b, a).adjusted, adjusted, 1e-9);
  }
  EXPECT_EQ(mutual_information({}, {}).adjusted, 0);
}

}  // namespace
}  // namespace eidetic
