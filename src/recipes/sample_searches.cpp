#include "recipes/sample_searches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "learn/labels.h"
#include "recipes/sheet.h"

namespace eidetic {

Result<Sample> SampleSearches::run(const PickedItem& item, std::size_t number) {
  Query query = sample_query(recipe_.search.query, item.id);
  if (recipe_.search.classify) query.classify = recipe_.classes->name;
  EIDETIC_TRY(auto found, engine_.search(recipe_.collection, query));
  Sample sample{.id = item.id,
                .label = item.label,
                .classification = found.explanation.classification,
                .notes = found.explanation.notes,
                .sheet = fmt::format("sheets/query-{:03}.jpg", number)};
  for (const Timing& timing : found.timings) {
    if (timing.stage == "total") sample.ms = timing.ms;
  }
  EIDETIC_TRY(sample.hits, judged(std::move(found.hits), item.label));
  if (recipe_.search.classify && item.label) {
    query.classify.clear();
    EIDETIC_TRY(auto plain, engine_.search(recipe_.collection, query));
    EIDETIC_TRY(const auto hits, judged(std::move(plain.hits), item.label));
    const auto right = [](const SampleHit& hit) { return hit.right.value_or(false); };
    sample.plain_right = static_cast<std::uint32_t>(std::ranges::count_if(hits, right));
    sample.plain_first = !hits.empty() && right(hits.front());
  }
  sample.layout = sheet_layout(sample.hits.size() + 1, recipe_.picture_size);
  EIDETIC_CHECK(write_sheet(sample));
  return sample;
}

Result<std::vector<SampleHit>> SampleSearches::judged(std::vector<SearchHit> found,
                                                      const std::optional<std::string>& label) const {
  Labels labels(recipe_.search.label);
  std::vector<SampleHit> hits;
  for (SearchHit& hit : found) {
    SampleHit& one = hits.emplace_back();
    if (!recipe_.search.label.empty()) {
      Item item;
      item.id = hit.id;
      item.metadata = hit.metadata;
      EIDETIC_TRY(one.label, labels.label(item));
    }
    if (one.label && label) one.right = *one.label == *label;
    one.hit = std::move(hit);
  }
  return hits;
}

Result<void> SampleSearches::write_sheet(const Sample& sample) {
  std::vector<SheetCell> cells(sample.hits.size() + 1);
  pool_.parallel_for(cells.size(), [&](std::size_t i) {
    const std::string& id = i == 0 ? sample.id : sample.hits[i - 1].hit.id;
    cells[i].query = i == 0;
    if (i > 0) cells[i].right = sample.hits[i - 1].right;
    // A picture that is gone meanwhile, or never was there (a bare vector), leaves its cell crossed out.
    const auto thumbnail = engine_.thumbnail(recipe_.collection, id, recipe_.picture_size);
    if (!thumbnail) return;
    if (auto image = decode_image(thumbnail->bytes)) cells[i].image = *std::move(image);
  });
  EIDETIC_TRY(const auto jpeg, draw_sheet(cells, sample.layout));
  return write_file_atomically(recipe_.output / sample.sheet, [&](const Sink& sink) { return sink(std::span(jpeg)); });
}

}  // namespace eidetic
