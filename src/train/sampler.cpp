#include "train/sampler.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace eidetic {
namespace {

// Gives its numbers in a random order, then in another one, and so on.
class Round {
 public:
  explicit Round(std::vector<std::uint32_t> numbers) : numbers_(std::move(numbers)), next_(numbers_.size()) {}

  std::uint32_t draw(std::mt19937_64& random) {
    if (next_ == numbers_.size()) {
      std::ranges::shuffle(numbers_, random);
      next_ = 0;
    }
    return numbers_[next_++];
  }
  [[nodiscard]] std::size_t size() const noexcept { return numbers_.size(); }

 private:
  std::vector<std::uint32_t> numbers_;
  std::size_t next_;
};

std::vector<std::vector<std::uint32_t>> in_random_order(std::size_t items, std::size_t size, std::mt19937_64& random) {
  std::vector<std::uint32_t> order(items);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::shuffle(order, random);
  std::vector<std::vector<std::uint32_t>> batches;
  for (std::size_t from = 0; from < items; from += size) {
    const std::size_t count = std::min(size, items - from);
    if (count < size && !batches.empty()) break;  // a last small batch would count as much as the others
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(from);
    batches.emplace_back(first, first + static_cast<std::ptrdiff_t>(count));
  }
  return batches;
}

}  // namespace

std::vector<std::vector<std::uint32_t>> draw_batches(std::span<const std::uint32_t> classes, const BatchPlan& plan,
                                                     std::mt19937_64& random) {
  if (plan.per_class == 0) return in_random_order(classes.size(), plan.size, random);
  std::map<std::uint32_t, std::vector<std::uint32_t>> members;
  for (std::uint32_t i = 0; i < classes.size(); ++i) members[classes[i]].push_back(i);
  std::vector<Round> of_class;
  for (auto& [number, items] : members) of_class.emplace_back(std::move(items));
  std::vector<std::uint32_t> all(of_class.size());
  std::iota(all.begin(), all.end(), 0U);
  Round turns(std::move(all));

  const std::size_t classes_each = std::min(turns.size(), std::max<std::size_t>(1, plan.size / plan.per_class));
  const std::size_t each = classes_each * plan.per_class;
  std::vector<std::vector<std::uint32_t>> batches(std::max<std::size_t>(1, classes.size() / each));
  for (auto& batch : batches) {
    std::vector<std::uint32_t> taken;
    while (taken.size() < classes_each) {
      // A new round may begin within a batch, with a class that is in it already.
      const std::uint32_t one = turns.draw(random);
      if (std::ranges::find(taken, one) != taken.end()) continue;
      taken.push_back(one);
      for (std::size_t i = 0; i < plan.per_class; ++i) batch.push_back(of_class[one].draw(random));
    }
  }
  return batches;
}

}  // namespace eidetic
