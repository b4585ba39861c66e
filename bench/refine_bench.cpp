// How well keypoint verification finds the picture that a query was made from, how well it tells where, and what it
// costs in processor time of one thread.
//   refine_bench IMAGES [QUERIES] [alike]
// IMAGES holds labels.csv (columns file, label) and the photographs that it names. Each query is made from one of
// them: once a part pasted into another photograph, once a part alone (src/refine/test_scenes.h). Candidates are the
// true source, all others of its class, and 19 at random; none of the class of the scene, which may show the same.
// REFINE_BENCH_EACH=1 in the environment: a line a query.
// REFINE_BENCH_KEEP=FOLDER: the queries are written there, with queries.csv (file, kind, source, textured), and nothing
// is measured; bench/verification.py searches with them. `alike`: features of queries are taken as those of candidates
// are, which is faster.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "image/encode.h"
#include "refine/alignment.h"
#include "refine/test_scenes.h"

namespace {

using namespace eidetic;

struct Photo {
  std::string file;
  std::string label;
};

// Of this thread's processor time: other programs on the machine do not count.
class Timer {
 public:
  [[nodiscard]] double ms() const { return now() - start_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  }

  double start_ = now();
};

struct Times {
  std::vector<double> ms;

  [[nodiscard]] std::string text() {
    if (ms.empty()) return "-";
    std::ranges::sort(ms);
    const double median = ms[ms.size() / 2];
    const double high = ms[ms.size() * 95 / 100];
    return fmt::format("{:.1f} ms (95 %: {:.1f})", median, high);
  }
};

void need(const Result<void>& done) {
  if (done) return;
  fmt::print(stderr, "refine_bench: {}\n", done.error().message);
  std::exit(1);
}

template <typename T>
T need(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "refine_bench: {}\n", result.error().message);
  std::exit(1);
}

class Photos {
 public:
  explicit Photos(std::filesystem::path folder) : folder_(std::move(folder)) {
    const std::string text = need(read_text(folder_ / "labels.csv"));
    std::size_t begin = text.find('\n') + 1;
    while (begin < text.size()) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::size_t comma = text.find(',', begin);
      const std::size_t second = text.find(',', comma + 1);
      photos_.push_back({text.substr(begin, comma - begin), text.substr(comma + 1, second - comma - 1)});
      begin = end + 1;
    }
  }

  [[nodiscard]] std::size_t size() const { return photos_.size(); }
  [[nodiscard]] const Photo& operator[](std::size_t i) const { return photos_[i]; }
  [[nodiscard]] Image image(std::size_t i) const {
    return need(decode_image(need(read_file(folder_ / photos_[i].file))));
  }
  const LocalFeatures& features(std::size_t i) {
    const auto found = features_.find(i);
    if (found != features_.end()) return found->second;
    const Image picture = image(i);
    const Timer timer;
    auto features = need(extract_features(picture));
    extraction.ms.push_back(timer.ms());
    bytes += serialize_features(features).size();
    keypoints += features.size();
    return features_.emplace(i, std::move(features)).first->second;
  }
  [[nodiscard]] std::size_t extracted() const { return features_.size(); }

  Times extraction;
  std::size_t bytes = 0;
  std::size_t keypoints = 0;

 private:
  std::filesystem::path folder_;
  std::vector<Photo> photos_;
  std::map<std::size_t, LocalFeatures> features_;
};

struct Tally {
  int queries = 0, textured = 0;
  int first = 0, first_of_textured = 0, verified_of_textured = 0, placed = 0, whole = 0;
  int strangers = 0, strangers_verified = 0, kin = 0, kin_verified = 0;
  std::vector<double> overlaps;
  Times query_extraction, alignment, verified_alignment;

  void print(const char* name) {
    const auto share = [](int part, int all) { return all == 0 ? 0.0 : static_cast<double>(part) / all; };
    fmt::print("{}: {} queries, {} with enough texture, {} fall out\n", name, queries, textured, queries - textured);
    fmt::print("  source verified and first: {:.3f} of those with enough texture; {:.3f} of all\n",
               share(first_of_textured, textured), share(first, queries));
    fmt::print(
        "  quadrilateral's IoU with the truth >= 0.8: {:.3f} of those with enough texture, {:.3f} of those first\n",
        share(placed, textured), share(placed, first_of_textured));
    std::ranges::sort(overlaps);
    if (!overlaps.empty()) {
      fmt::print("  IoU of those first: median {:.3f}, 10 % below {:.3f}; told as whole query: {}\n",
                 overlaps[overlaps.size() / 2], overlaps[overlaps.size() / 10], whole);
    }
    fmt::print("  verified though another picture: {} of {} at random, {} of {} of the same class\n",
               strangers_verified, strangers, kin_verified, kin);
    fmt::print("  query's features {}; matching and geometry {} a candidate, {} a verified one\n\n",
               query_extraction.text(), alignment.text(), verified_alignment.text());
  }
};

struct Ranked {
  std::size_t photo;
  Alignment alignment;
};

void try_query(const Composite& made, std::size_t source, std::size_t scene, Photos& photos, Dice& dice,
               const FeatureOptions& query_options, Tally& tally) {
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < photos.size(); ++i) {
    if (photos[i].label == photos[source].label && i != source && i != scene) candidates.push_back(i);
  }
  const std::size_t kin = candidates.size();
  while (candidates.size() < kin + 19) {
    const std::size_t other = dice.below(photos.size());
    const auto& label = photos[other].label;
    if (label != photos[scene].label && label != photos[source].label) candidates.push_back(other);
  }
  candidates.push_back(source);  // last: nothing but its score brings it to the front
  const bool textured = has_enough_texture(need(extract_features(made.piece)));
  const Timer timer;
  const auto query = need(extract_features(made.query, query_options));
  tally.query_extraction.ms.push_back(timer.ms());
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& features = photos.features(candidates[i]);
    const Timer align_timer;
    ranked.push_back({candidates[i], align(query, features)});
    (ranked.back().alignment.verified ? tally.verified_alignment : tally.alignment).ms.push_back(align_timer.ms());
    if (candidates[i] == source) continue;
    const bool verified = ranked.back().alignment.verified;
    (i < kin ? tally.kin : tally.strangers) += 1;
    (i < kin ? tally.kin_verified : tally.strangers_verified) += verified ? 1 : 0;
  }
  const auto best = std::ranges::min_element(
      ranked, [](const Ranked& a, const Ranked& b) { return ranks_before(a.alignment, b.alignment); });
  const bool first = best->photo == source && best->alignment.verified;
  const double iou = first ? overlap(best->alignment.quad, made.truth) : 0;
  ++tally.queries;
  tally.first += first ? 1 : 0;
  const auto& own = ranked.back().alignment;
  if (std::getenv("REFINE_BENCH_EACH") != nullptr) {
    fmt::print(
        "    {} best {} textured {} first {} matches {} inliers {} score {:.1f} whole {} iou {:.2f} in query {:.2f}\n",
        photos[source].file, photos[best->photo].file, textured, first, own.matches, own.inliers, own.score,
        own.whole_query, iou, own.verified ? overlap(own.query_quad, made.query_truth) : 0);
  }
  if (!textured) return;
  ++tally.textured;
  if (!first) return;
  ++tally.first_of_textured;
  tally.overlaps.push_back(iou);
  tally.placed += iou >= 0.8 ? 1 : 0;
  tally.whole += best->alignment.whole_query ? 1 : 0;
}

// The queries as files, for others to search with.
class Keeper {
 public:
  explicit Keeper(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }
  void keep(const Composite& made, std::string_view kind, const Photo& source) {
    const std::string name = fmt::format("{:04}-{}.jpg", count_++, kind);
    const auto jpeg = need(encode_jpeg(made.query));
    need(write_file_atomically(folder_ / name, std::string(reinterpret_cast<const char*>(jpeg.data()), jpeg.size())));
    const bool textured = has_enough_texture(need(extract_features(made.piece)));
    rows_ += fmt::format("{},{},{},{}\n", name, kind, source.file, textured ? 1 : 0);
  }
  void finish() const { need(write_file_atomically(folder_ / "queries.csv", rows_)); }

 private:
  std::filesystem::path folder_;
  int count_ = 0;
  std::string rows_ = "file,kind,source,textured\n";
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const std::size_t queries = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 200;
  const FeatureOptions query_options = count > 3 ? FeatureOptions{} : kQueryFeatures;
  Photos photos(arguments[1]);
  Dice dice(2003);
  const char* keep = std::getenv("REFINE_BENCH_KEEP");
  std::optional<Keeper> keeper;
  if (keep != nullptr) keeper.emplace(keep);
  Tally pasted;
  Tally alone;
  for (std::size_t i = 0; i < queries; ++i) {
    const std::size_t source = dice.below(photos.size());
    std::size_t scene = dice.below(photos.size());
    while (photos[scene].label == photos[source].label) scene = dice.below(photos.size());
    const Image picture = photos.image(source);
    const Composite in_scene = pasted_scene(picture, photos.image(scene), dice);
    if (keeper) {
      keeper->keep(in_scene, "pasted", photos[source]);
      keeper->keep(cut_out(picture, dice), "alone", photos[source]);
      continue;
    }
    try_query(in_scene, source, scene, photos, dice, query_options, pasted);
    try_query(cut_out(picture, dice), source, source, photos, dice, query_options, alone);
  }
  if (keeper) {
    keeper->finish();
    return 0;
  }
  pasted.print("pasted into a scene");
  alone.print("a part alone");
  const auto extracted = static_cast<double>(photos.extracted());
  fmt::print("a candidate: features {}, {:.0f} keypoints, {:.0f} KB to be cached\n", photos.extraction.text(),
             static_cast<double>(photos.keypoints) / extracted, static_cast<double>(photos.bytes) / extracted / 1000);
}
