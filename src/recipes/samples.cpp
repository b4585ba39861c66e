#include "recipes/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <ranges>
#include <tuple>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "learn/labels.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 1000;

// Parts of any content, one after the other, so that no two lists of parts give the same bytes.
void add(Sha256& digest, std::string_view part) {
  digest.update(as_bytes(fmt::format("{}:", part.size())));
  digest.update(as_bytes(part));
}

class Picks {
 public:
  Picks(std::uint32_t count, std::uint64_t seed) : count_(count), seed_(seed) {}

  void offer(const std::string& id, const std::optional<std::string>& label) {
    if (count_ == 0) return;
    const std::uint64_t place = checksum(as_bytes(fmt::format("{}:{}", seed_, id)));
    if (best_.size() == count_ && std::pair(place, id) >= std::pair(best_.top().place, best_.top().item.id)) return;
    best_.push({place, {id, label}});
    if (best_.size() > count_) best_.pop();
  }
  std::vector<PickedItem> take() {
    std::vector<PickedItem> items(best_.size());
    for (auto& item : items | std::views::reverse) {
      item = best_.top().item;
      best_.pop();
    }
    return items;
  }

 private:
  struct Pick {
    std::uint64_t place;
    PickedItem item;
    bool operator<(const Pick& other) const { return std::tie(place, item.id) < std::tie(other.place, other.item.id); }
  };
  std::uint32_t count_;
  std::uint64_t seed_;
  std::priority_queue<Pick> best_;  // the worst of them on top
};

}  // namespace

Result<ItemsLook> look_at_items(Engine& engine, const std::string& collection, const LookRequest& request) {
  ItemsLook look;
  Sha256 labelled;
  Sha256 everything;
  Picks picks(request.count, request.seed);
  std::vector<Labels> labels(request.labels.begin(), request.labels.end());
  Labels wanted(request.label);
  bool any = false;
  ListRequest page{.limit = kPage};
  do {
    EIDETIC_TRY(const auto part, engine.list(collection, page));
    for (const Item& item : part.items) {
      ++look.items;
      for (Sha256* digest : {&labelled, &everything}) {
        add(*digest, item.id);
        add(*digest, item.content_hash);
      }
      add(everything, item.metadata);
      for (Labels& one : labels) {
        EIDETIC_TRY(const auto label, one.label(item));
        add(labelled, label ? "=" + *label : "");
      }
      if (request.label.empty()) {
        picks.offer(item.id, std::nullopt);
        continue;
      }
      EIDETIC_TRY(const auto label, wanted.label(item));
      if (label) picks.offer(item.id, label);
      any = any || label;
    }
    page.cursor = part.next;
  } while (!page.cursor.empty());
  if (request.count > 0 && !request.label.empty() && !any && look.items > 0) return wanted.none(collection);
  look.labelled = labelled.hex();
  look.everything = everything.hex();
  look.picked = picks.take();
  return look;
}

Query sample_query(const Query& query, const std::string& id) {
  Query sample = query;
  sample.terms = {{.kind = Term::Kind::id, .value = id}};
  sample.exclude_terms = true;
  return sample;
}

}  // namespace eidetic
