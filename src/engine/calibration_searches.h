// The searches that a calibration is learnt from: those of a collection's own items, in its own index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "eidetic/backend.h"

#include "learn/calibration.h"

namespace eidetic {

// Of up to `most` items, drawn evenly by the seed; `label` as CalibrationRequest has it. Items without a label, where
// there are labels, are neither searched with nor matches. Errors: those of the backend; of labels as Labels::none.
[[nodiscard]] Result<std::vector<CalibrationCase>> calibration_searches(Backend& backend,
                                                                        const CollectionSpec& collection,
                                                                        const std::string& label, std::size_t most,
                                                                        std::uint64_t seed);

}  // namespace eidetic
