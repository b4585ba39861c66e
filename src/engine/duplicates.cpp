#include "engine/duplicates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "engine/known_fields.h"
#include "engine/stages.h"
#include "refine/copy_score.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 10'000;
constexpr double kProgressIntervalS = 0.1;
// Deeper than searches go by default: a copy that is missed is missed for good.
constexpr SearchDepth kDepth = {.ef = 128, .nprobe = 0, .rescore = 0};
constexpr double kRounding = 1e-6;  // of similarities in 32 bits

// What is kept of every item. Ids lie behind each other in one text.
struct Fact {
  std::uint64_t id_begin = 0;
  std::array<std::uint64_t, 2> content = {};  // the first half of its hash; 0: unknown
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;
  bool has_picture = false;
  std::uint32_t same = 0;  // the first item, by id, of the same content; itself where it is that
};

std::array<std::uint64_t, 2> half_of_hash(const std::string& hex) {
  constexpr std::size_t kDigits = 16;
  std::array<std::uint64_t, 2> half{};
  if (hex.size() < 2 * kDigits) return half;
  std::from_chars(hex.data(), hex.data() + kDigits, half[0], 16);
  std::from_chars(hex.data() + kDigits, hex.data() + 2 * kDigits, half[1], 16);
  return half;
}

class Duplicates {
 public:
  Duplicates(Backend& backend, std::string_view collection, const CopyParts& parts, const DuplicatesRequest& request,
             const std::function<void(const DuplicatesProgress&)>& progress, const std::stop_token& stop)
      : backend_(backend),
        collection_(collection),
        parts_(parts),
        request_(request),
        progress_(progress),
        stop_(stop) {}

  Result<DuplicatesReport> run() {
    EIDETIC_CHECK(check());
    EIDETIC_TRY(filter_, parse_filter(request_.filter));
    EIDETIC_CHECK(read_facts());
    find_same_content();
    EIDETIC_TRY(auto pairs, near_pairs());
    CopyJudge judge(parts_, facts_.size(), [this](std::span<const std::uint32_t> wanted) { return sources(wanted); });
    const auto told = [this](std::string_view stage, std::uint64_t done, std::uint64_t total) {
      tell(stage, done, total);
    };
    EIDETIC_CHECK(judge.judge(pairs, request_.verify, told, stop_));
    report_.verified = judge.verified();
    std::erase_if(pairs, [this](const CopyPair& pair) { return pair.copy_score < request_.min_copy_score; });
    EIDETIC_CHECK(make_groups(pairs, judge));
    report_.unreadable = judge.unreadable();
    report_.collection = collection_;
    report_.items = facts_.size();
    report_.seconds = watch_.seconds();
    return std::move(report_);
  }

 private:
  [[nodiscard]] Result<void> check() const {
    if (!(request_.min_copy_score >= 0 && request_.min_copy_score <= 1)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a least copy score of {}; 0 to 1 are possible", request_.min_copy_score));
    }
    if (request_.neighbors < 1 || request_.neighbors > kMaxDuplicateNeighbors) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("neighbors is {}; 1 to {} are possible", request_.neighbors, kMaxDuplicateNeighbors));
    }
    if (request_.limit < 1 || request_.limit > kMaxDuplicateGroups) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("limit is {}; 1 to {} are possible", request_.limit, kMaxDuplicateGroups));
    }
    return {};
  }

  void tell(std::string_view stage, std::uint64_t done, std::uint64_t total) {
    if (!progress_ || (stage == stage_ && since_told_.seconds() < kProgressIntervalS)) return;
    since_told_ = {};
    stage_ = stage;
    progress_({.stage = std::string(stage), .done = done, .total = total});
  }

  // --- all items, by id ---

  Result<void> read_facts() {
    EIDETIC_TRY(const auto expected, backend_.count(collection_, filter_));
    facts_.reserve(expected + 1);
    std::string cursor;
    do {
      if (stop_.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
      tell("items", facts_.size(), expected);
      EIDETIC_TRY(const auto page, backend_.scroll(collection_, cursor, kPage, false));
      for (const Item& item : page.items) {
        if (!filter_.empty() && !filter_.matches(item)) continue;
        facts_.push_back({.id_begin = ids_.size(),
                          .content = half_of_hash(item.content_hash),
                          .size_bytes = item.size_bytes,
                          .modified_ns = item.modified_ns,
                          .has_picture = !item.uri.empty(),
                          .same = static_cast<std::uint32_t>(facts_.size())});
        ids_ += item.id;
      }
      cursor = page.next;
    } while (!cursor.empty());
    if (facts_.empty() && !filter_.empty()) EIDETIC_CHECK(check_known(backend_, collection_, filter_));
    return {};
  }

  [[nodiscard]] std::string_view id(std::size_t item) const {
    const std::size_t end = item + 1 < facts_.size() ? facts_[item + 1].id_begin : ids_.size();
    return std::string_view(ids_).substr(facts_[item].id_begin, end - facts_[item].id_begin);
  }

  // nullopt: it came since, or does not pass.
  [[nodiscard]] std::optional<std::uint32_t> item_of(std::string_view wanted) const {
    std::size_t first = 0;
    std::size_t last = facts_.size();
    while (first < last) {
      const std::size_t middle = (first + last) / 2;
      if (id(middle) < wanted) {
        first = middle + 1;
      } else {
        last = middle;
      }
    }
    if (first == facts_.size() || id(first) != wanted) return std::nullopt;
    return static_cast<std::uint32_t>(first);
  }

  void find_same_content() {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < facts_.size(); ++i) {
      if (facts_[i].content != std::array<std::uint64_t, 2>{}) order.push_back(i);
    }
    std::ranges::sort(order, {}, [this](std::uint32_t i) { return std::pair(facts_[i].content, i); });
    for (std::size_t i = 1; i < order.size(); ++i) {
      Fact& fact = facts_[order[i]];
      const Fact& before = facts_[order[i - 1]];
      if (fact.content != before.content) continue;
      fact.same = before.same;
      same_.emplace_back(fact.same, order[i]);
    }
    std::ranges::sort(same_);
    report_.exact = same_.size();
  }

  // --- pairs ---

  // Of items whose content no item before them has.
  Result<std::vector<CopyPair>> near_pairs() {
    // What has no picture has little to say: most of its pairs need not be kept.
    const double alone = similarity_for(request_.min_copy_score) - kRounding;
    const bool pictures = std::ranges::any_of(facts_, &Fact::has_picture);
    const double least = pictures ? kLeastCopySimilarity : std::max(kLeastCopySimilarity, alone);
    EIDETIC_TRY(const auto near,
                backend_.near_pairs(
                    collection_, {.k = request_.neighbors, .min_similarity = least, .filter = filter_, .depth = kDepth},
                    [this](std::uint64_t done, std::uint64_t total) { tell("neighbors", done, total); }, stop_));
    std::vector<std::uint32_t> items;
    items.reserve(near.ids.size());
    constexpr std::uint32_t kNone = UINT32_MAX;
    for (const auto& name : near.ids) {
      const auto item = item_of(name);
      items.push_back(item ? facts_[*item].same : kNone);
    }
    std::vector<CopyPair> pairs;
    for (const auto& [a, b, similarity] : near.pairs) {
      if (items[a] == kNone || items[b] == kNone || items[a] == items[b]) continue;
      if (similarity < alone && !(facts_[items[a]].has_picture && facts_[items[b]].has_picture)) {
        ++report_.pairs;
        continue;
      }
      pairs.push_back({.a = std::min(items[a], items[b]), .b = std::max(items[a], items[b]), .similarity = similarity});
    }
    const auto key = [](const CopyPair& pair) { return std::pair(pair.a, pair.b); };
    std::ranges::sort(pairs, {}, key);
    const auto again = std::ranges::unique(pairs, {}, key);
    pairs.erase(again.begin(), again.end());
    report_.pairs += pairs.size();
    return pairs;
  }

  Result<std::vector<PictureSource>> sources(std::span<const std::uint32_t> wanted) {
    std::vector<std::string> ids;
    for (const std::uint32_t item : wanted) ids.emplace_back(id(item));
    EIDETIC_TRY(auto items, backend_.get(collection_, ids, false));
    std::vector<PictureSource> found(wanted.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i]) found[i] = {std::move(items[i]->uri), std::move(items[i]->content_hash)};
    }
    return found;
  }

  // --- groups ---

  using Member = DuplicateGroup::Member;

  Result<void> make_groups(const std::vector<CopyPair>& pairs, CopyJudge& judge) {
    std::vector<CopyEdge> edges;
    std::vector<std::uint64_t> sizes(facts_.size());
    for (const CopyPair& pair : pairs) {
      edges.push_back({pair.a, pair.b});
      for (const std::uint32_t item : {pair.a, pair.b}) {
        const auto& hash = judge.hash(item);
        if (hash) sizes[item] = static_cast<std::uint64_t>(hash->width) * static_cast<std::uint64_t>(hash->height);
      }
    }
    struct Group {
      std::uint32_t centre = 0;
      std::uint64_t size = 0;
      std::vector<std::uint32_t> others;  // places in `pairs`
    };
    std::vector<Group> groups;
    std::vector<bool> taken(facts_.size());
    for (auto& [centre, others] : make_stars(sizes, edges)) {
      Group group{.centre = centre, .size = 1 + copies_of(centre).size(), .others = std::move(others)};
      taken[centre] = true;
      for (const std::uint32_t place : group.others) {
        const std::uint32_t other = pairs[place].a == centre ? pairs[place].b : pairs[place].a;
        taken[other] = true;
        group.size += 1 + copies_of(other).size();
      }
      groups.push_back(std::move(group));
    }
    for (std::size_t i = 0; i < same_.size(); ++i) {
      const std::uint32_t first = same_[i].first;
      if (taken[first]) continue;
      taken[first] = true;
      groups.push_back({.centre = first, .size = 1 + copies_of(first).size(), .others = {}});
    }
    report_.groups = groups.size();
    for (const Group& group : groups) report_.duplicates += group.size - 1;
    std::ranges::sort(
        groups, {}, [](const Group& group) { return std::pair(-static_cast<std::int64_t>(group.size), group.centre); });
    if (groups.size() > request_.limit) groups.resize(request_.limit);
    for (const Group& group : groups) {
      DuplicateGroup& found = report_.found.emplace_back();
      found.centre = id(group.centre);
      add(found, group.centre, Member{}, judge);
      for (const std::uint32_t place : group.others) {
        const CopyPair& pair = pairs[place];
        Member member;
        member.similarity = pair.similarity;
        member.hash_distance = pair.hash_distance;
        member.copy_score = pair.copy_score;
        member.evidence = pair.evidence;
        add(found, pair.a == group.centre ? pair.b : pair.a, member, judge);
      }
      sort_members(found);
    }
    return {};
  }

  [[nodiscard]] std::span<const std::pair<std::uint32_t, std::uint32_t>> copies_of(std::uint32_t item) const {
    const auto found = std::ranges::equal_range(same_, item, {}, &std::pair<std::uint32_t, std::uint32_t>::first);
    return {found.begin(), found.end()};
  }

  // The item and all of the same content, which stand to the centre as it does.
  void add(DuplicateGroup& group, std::uint32_t item, Member member, const CopyJudge& judge) {
    if (const auto& hash = judge.hash(item)) member.width = hash->width, member.height = hash->height;
    const auto one = [&](std::uint32_t place) {
      member.id = id(place);
      member.size_bytes = facts_[place].size_bytes;
      group.members.push_back(member);
    };
    one(item);
    for (const auto& [first, copy] : copies_of(item)) one(copy);
  }

  void sort_members(DuplicateGroup& group) const {
    std::ranges::sort(group.members, {}, [this](const Member& member) {
      const auto pixels = std::int64_t{member.width} * member.height;
      const std::int64_t age = facts_[*item_of(member.id)].modified_ns;
      return std::tuple(-pixels, -static_cast<std::int64_t>(member.size_bytes), age == 0 ? INT64_MAX : age, member.id);
    });
  }

  Backend& backend_;
  const std::string collection_;
  const CopyParts& parts_;
  const DuplicatesRequest& request_;
  const std::function<void(const DuplicatesProgress&)>& progress_;
  const std::stop_token& stop_;
  const Stopwatch watch_;
  Stopwatch since_told_;
  std::string stage_;
  Filter filter_;
  std::vector<Fact> facts_;  // by id
  std::string ids_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> same_;  // the first of a content, and another; sorted
  DuplicatesReport report_;
};

}  // namespace

std::vector<Star> make_stars(std::span<const std::uint64_t> sizes, std::span<const CopyEdge> edges) {
  const std::size_t count = sizes.size();
  // Edges of an item, behind each other.
  std::vector<std::uint32_t> begin(count + 1);
  for (const auto& [a, b] : edges) ++begin[a + 1], ++begin[b + 1];
  for (std::size_t i = 0; i < count; ++i) begin[i + 1] += begin[i];
  std::vector<std::uint32_t> places(2 * edges.size());
  auto next = begin;
  for (std::uint32_t i = 0; i < edges.size(); ++i) places[next[edges[i].a]++] = places[next[edges[i].b]++] = i;
  const auto edges_of = [&](std::uint32_t item) {
    return std::span(places).subspan(begin[item], begin[item + 1] - begin[item]);
  };

  // Degrees only fall, so what is taken out with a degree that is still true has the largest of all.
  struct Entry {
    std::uint32_t degree;
    std::uint64_t size;
    std::uint32_t item;
    bool operator<(const Entry& other) const {
      return std::tuple(degree, size, other.item) < std::tuple(other.degree, other.size, item);
    }
  };
  std::vector<std::uint32_t> degree(count);
  std::priority_queue<Entry> queue;
  for (std::uint32_t i = 0; i < count; ++i) {
    degree[i] = begin[i + 1] - begin[i];
    if (degree[i] > 0) queue.push({degree[i], sizes[i], i});
  }
  std::vector<bool> taken(count);
  std::vector<Star> stars;
  const auto take = [&](std::uint32_t item) {
    taken[item] = true;
    for (const std::uint32_t place : edges_of(item)) {
      const std::uint32_t other = edges[place].a == item ? edges[place].b : edges[place].a;
      if (taken[other]) continue;
      if (--degree[other] > 0) queue.push({degree[other], sizes[other], other});
    }
  };
  while (!queue.empty()) {
    const Entry entry = queue.top();
    queue.pop();
    if (taken[entry.item] || entry.degree != degree[entry.item]) continue;
    Star star{.centre = entry.item, .others = {}};
    std::vector<std::uint32_t> members = {entry.item};
    for (const std::uint32_t place : edges_of(entry.item)) {
      const std::uint32_t other = edges[place].a == entry.item ? edges[place].b : edges[place].a;
      if (taken[other]) continue;
      star.others.push_back(place);
      members.push_back(other);
    }
    for (const std::uint32_t member : members) taken[member] = true;
    for (const std::uint32_t member : members) take(member);
    stars.push_back(std::move(star));
  }
  return stars;
}

Result<DuplicatesReport> find_duplicates(Backend& backend, std::string_view collection, const CopyParts& parts,
                                         const DuplicatesRequest& request,
                                         const std::function<void(const DuplicatesProgress&)>& progress,
                                         const std::stop_token& stop) {
  return Duplicates(backend, collection, parts, request, progress, stop).run();
}

}  // namespace eidetic
