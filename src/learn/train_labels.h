// A classifier learnt from labelled items: softmax over one dense layer, or two, on frozen features.
#pragma once

#include <span>
#include <string>

#include "learn/trainer.h"

namespace eidetic {

// `labels` has one a row of `features`; rows whose label is empty are passed over. Classes come in bytewise order of
// their names. Errors as learn(); unlabelled rows count in report.left_out.
[[nodiscard]] Result<LearntClassifier> train_labels(MatrixView features, std::span<const std::string> labels,
                                                    const LearnOptions& options = {});

}  // namespace eidetic
