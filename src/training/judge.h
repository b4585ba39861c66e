// What a training says of the items that nothing was learnt from, by the trunk alone and with the head.
// Thread rule: pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "eidetic/training.h"

#include "base/threads.h"
#include "train/head_training.h"
#include "training/features.h"

namespace eidetic {

// `held_out` are places of the features' items, of which each has `views` rows; the first counts.
// Fills in the report's measures of before.
void judge_trunk(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views, ThreadPool& pool,
                 TrainReport& report);
// Fills in its measures of after, worst classes, confusions and map.
void judge_head(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                const TrainedHead& head, std::uint64_t seed, ThreadPool& pool, TrainReport& report);

}  // namespace eidetic
