// What a training says of the items that nothing was learnt from, by the trunk alone and with the head.
// Thread rule: pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "eidetic/training.h"

#include "train/head_training.h"
#include "training/features.h"

namespace eidetic {

// Fills in the report's measures, worst classes, confusions and map. `held_out` are places of the features' items, of
// which each has `views` rows; the first counts.
void judge(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
           const TrainedHead& head, std::uint64_t seed, TrainReport& report);

}  // namespace eidetic
