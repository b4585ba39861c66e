// Which items make up the batches of an epoch: of each of some classes equally many, so that there are pairs of both
// kinds in every batch.
// Thread rule: pure; any thread.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace eidetic {

struct BatchPlan {
  std::size_t size = 8;       // items of a batch: a multiple of per_class
  std::size_t per_class = 2;  // 0: items in a random order, each once an epoch, whatever their class
};

// Batches of about as many items as there are (at least one batch), each of plan.size places among the items: of
// plan.size / plan.per_class classes (all of them, where there are fewer), per_class items each. The classes go round
// in a random order that is drawn anew each round, so each gets its turn before one gets the second. So do the items of
// a class; one with fewer than per_class items gives some twice.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> draw_batches(std::span<const std::uint32_t> classes,
                                                                   const BatchPlan& plan, std::mt19937_64& random);

}  // namespace eidetic
