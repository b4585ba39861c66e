#include "learn/train_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

namespace eidetic {

Result<LearntClassifier> train_labels(MatrixView features, std::span<const std::string> labels,
                                      const LearnOptions& options) {
  if (features.rows() != labels.size()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} vectors and {} labels: one each is needed", features.rows(), labels.size()));
  }
  std::map<std::string_view, std::uint32_t> numbers;
  for (const std::string& label : labels) {
    if (!label.empty()) numbers.emplace(label, 0);
  }
  std::vector<std::string> names;
  for (auto& [name, number] : numbers) {
    number = static_cast<std::uint32_t>(names.size());
    names.emplace_back(name);
  }
  std::vector<std::uint32_t> classes;
  std::vector<float> labelled;  // copies, only where some have no label
  const bool all = std::ranges::none_of(labels, &std::string::empty);
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (labels[row].empty()) continue;
    classes.push_back(numbers.find(labels[row])->second);
    if (!all) labelled.insert(labelled.end(), features[row].begin(), features[row].end());
  }
  const MatrixView rows = all ? features : MatrixView(labelled, features.columns);
  auto learnt = learn(rows, classes, std::move(names), ClassifierKind::labels, options);
  if (learnt) learnt->report.left_out += labels.size() - classes.size();
  return learnt;
}

}  // namespace eidetic
