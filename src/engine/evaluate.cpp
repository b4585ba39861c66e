#include "engine/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "engine/ranking.h"

namespace eidetic {
namespace {

std::optional<std::string> text_of(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? std::nullopt : std::optional(text);
  }
  if (value.is_number() || value.is_boolean()) return dump_json(value);
  return std::nullopt;
}

// Numbers the labels of items as they come, and remembers which fields there are.
class Labels {
 public:
  explicit Labels(std::string_view field) : field_(field) {}

  // nullopt: the item has none.
  Result<std::optional<std::uint32_t>> number(const Item& item) {
    std::optional<std::string> label;
    if (field_ == kFolderLabel) {
      const auto slash = item.id.find('/');
      if (slash != std::string::npos) label = item.id.substr(0, slash);
    } else {
      EIDETIC_TRY(const Json metadata, parse_json_object(item.metadata, fmt::format("the metadata of '{}'", item.id)));
      for (const auto& [name, value] : metadata.items()) fields_.insert(name);
      if (const auto found = metadata.find(field_); found != metadata.end()) label = text_of(*found);
    }
    if (!label) return std::nullopt;
    return numbers_.try_emplace(*label, static_cast<std::uint32_t>(numbers_.size())).first->second;
  }

  [[nodiscard]] std::size_t classes() const { return numbers_.size(); }
  [[nodiscard]] std::unexpected<Error> none(std::string_view collection) const {
    const std::vector<std::string> fields(fields_.begin(), fields_.end());
    if (fields_.contains(field_)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the field '{}' holds no label in collection '{}': no text, number or boolean", field_,
                              collection));
    }
    return fail(ErrorCode::not_found,
                fmt::format("no item of collection '{}' has the field '{}'{}; it has: {}", collection, field_,
                            did_you_mean(field_, fields),
                            fields.empty() ? "none" : fmt::format("{}", fmt::join(fields, ", "))));
  }

 private:
  const std::string field_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::set<std::string> fields_;
};

}  // namespace

Result<EvalReport> evaluate(Backend& backend, const CollectionInfo& collection, std::string_view label,
                            std::span<const std::uint32_t> recall_k, ThreadPool& pool) {
  if (std::ranges::find(recall_k, 0U) != recall_k.end()) {
    return fail(ErrorCode::invalid_argument, "recall@0 says nothing: give 1 or more");
  }
  const auto& [name, space, index, settings] = collection.spec;
  EvalReport report;
  report.label = label;
  Labels labels(label);
  LabelledVectors vectors(space.dimensions, space.metric);
  constexpr std::uint32_t kPage = 1'000;
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, backend.scroll(name, cursor, kPage, true));
    for (const auto& item : page.items) {
      EIDETIC_TRY(const auto number, labels.number(item));
      if (number) {
        vectors.add(item.vector, *number);
      } else {
        ++report.unlabelled;
      }
    }
    cursor = std::move(page.next);
  } while (!cursor.empty());
  if (vectors.size() == 0) return labels.none(name);

  const auto quality = rank_all(vectors, recall_k, pool);
  report.queries = quality.queries;
  report.classes = labels.classes();
  report.p_at_1 = quality.p_at_1;
  report.p_at_10 = quality.p_at_10;
  report.map = quality.map;
  for (std::size_t i = 0; i < recall_k.size(); ++i) report.recall_at.emplace_back(recall_k[i], quality.recall[i]);
  return report;
}

}  // namespace eidetic
