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

// Both fill in the report. `held_out` are places of the features' items, of which each has `views` rows; the first
// counts.
// The measures of the trunk alone.
void judge_trunk(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                 TrainReport& report);
// Those with the head, worst classes, confusions, and the map of both.
void judge_head(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                const TrainedHead& head, std::uint64_t seed, TrainReport& report);

}  // namespace eidetic
