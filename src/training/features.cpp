#include "training/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/split_mix.h"
#include "base/threads.h"
#include "image/crop.h"
#include "index/checked_file.h"
#include "learn/labels.h"

namespace eidetic {
namespace {

constexpr FileKind kPortionFile = {.magic = "EIDTFEAT", .version = 1};
constexpr std::size_t kPortion = 512;  // items of one file
constexpr std::size_t kTold = 64;      // items between two words of progress
constexpr std::uint32_t kPage = 1000;
constexpr std::size_t kMostErrors = 10'000;
constexpr std::uint32_t kMostViews = 64;

// A labelled item, before its picture was looked at.
struct Example {
  std::string id, hash;
  std::uint32_t label = 0;
  std::optional<std::uint32_t> group = {};
  Vector stored = {};  // where the trunk made the collection's vectors, too
};

Result<std::vector<Example>> labelled_items(Engine& engine, const FeatureRequest& request, bool with_vectors,
                                            std::vector<std::string>& class_names) {
  Labels labels(request.label);
  Labels groups(request.group);
  std::vector<Example> examples;
  ListRequest page{.limit = kPage, .with_vectors = with_vectors};
  do {
    EIDETIC_TRY(auto items, engine.list(request.collection, page));
    for (Item& item : items.items) {
      EIDETIC_TRY(const auto label, labels.number(item));
      if (!label) continue;
      Example& example = examples.emplace_back(
          Example{.id = item.id, .hash = item.content_hash, .label = *label, .stored = std::move(item.vector)});
      if (request.group.empty()) continue;
      EIDETIC_TRY(example.group, groups.number(item));
    }
    page.cursor = std::move(items.next);
  } while (!page.cursor.empty());
  if (examples.empty()) return labels.none(request.collection);
  if (!request.group.empty() && groups.classes() == 0) return groups.none(request.collection);
  class_names = labels.names();
  return examples;
}

void mirror(Image& image) {
  const auto width = static_cast<std::size_t>(image.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    for (std::size_t left = 0, right = width - 1; left < right; ++left, --right) {
      for (std::size_t c = 0; c < 3; ++c) {
        std::swap(image.pixels[(y * width + left) * 3 + c], image.pixels[(y * width + right) * 3 + c]);
      }
    }
  }
}

// Szegedy et al. 2015, as torchvision's RandomResizedCrop draws it, with a least area of 0.16.
Crop random_part(const Image& image, std::mt19937_64& random) {
  const double area = static_cast<double>(image.width) * image.height;
  const auto uniform = [&](double least, double most) { return std::uniform_real_distribution(least, most)(random); };
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double part = area * uniform(0.16, 1);
    const double ratio = std::exp(uniform(std::log(3.0 / 4), std::log(4.0 / 3)));
    const double width = std::round(std::sqrt(part * ratio));
    const double height = std::round(std::sqrt(part / ratio));
    if (width < 2 || height < 2 || width > image.width || height > image.height) continue;
    return {.x = std::floor(uniform(0, image.width - width)),
            .y = std::floor(uniform(0, image.height - height)),
            .width = width,
            .height = height};
  }
  return {.x = 0, .y = 0, .width = static_cast<double>(image.width), .height = static_cast<double>(image.height)};
}

class Maker {
 public:
  Maker(Engine& engine, const FeatureRequest& request, const Embedder& trunk)
      : engine_(engine), request_(request), trunk_(trunk) {
    whole_.min_short_side = trunk.min_short_side();
  }

  // The rows of an item, one after the other.
  [[nodiscard]] Result<std::vector<float>> rows_of(const Example& example) const {
    std::vector<float> rows(example.stored.begin(), example.stored.end());
    if (!rows.empty() && request_.views == 1) return rows;
    EIDETIC_TRY(const auto picture, engine_.picture(request_.collection, example.id));
    const auto add = [&](const Image& image) -> Result<void> {
      EIDETIC_TRY(const Vector vector, trunk_.embed_image(image));
      rows.insert(rows.end(), vector.begin(), vector.end());
      return {};
    };
    if (rows.empty()) {
      EIDETIC_TRY(const Image image, decode_image(picture.bytes, whole_));
      EIDETIC_CHECK(add(image));
    }
    if (request_.views == 1) return rows;
    EIDETIC_TRY(const Image image, decode_for_variants(picture.bytes, example.id, {}, {}));
    std::mt19937_64 random(split_mix(request_.seed ^ checksum(as_bytes(example.id))));
    for (std::uint32_t view = 1; view < request_.views; ++view) {
      EIDETIC_TRY(Image part, crop_image(image, random_part(image, random)));
      if (random() % 2 == 0) mirror(part);
      EIDETIC_CHECK(add(part));
    }
    return rows;
  }

 private:
  Engine& engine_;
  const FeatureRequest& request_;
  const Embedder& trunk_;
  DecodeOptions whole_;
};

// The rows of an item, or why there are none.
struct Made {
  std::vector<float> rows;
  Error error = {};
};
using Portion = std::vector<Made>;

Result<Portion> read_portion(const std::filesystem::path& file, std::size_t items, std::size_t width) {
  EIDETIC_TRY(const auto bytes, read_file(file, std::uint64_t{4} << 30));
  EIDETIC_TRY(auto in, read_checked(bytes, kPortionFile, file));
  Portion portion(items);
  for (auto& [rows, error] : portion) {
    error.code = static_cast<ErrorCode>(in.value<std::uint8_t>());
    const auto length = in.value<std::uint32_t>();
    const auto message = in.bytes(length);
    error.message.assign(reinterpret_cast<const char*>(message.data()), message.size());
    if (!error.message.empty()) continue;
    rows.resize(width);
    if (!in.read(std::span(rows))) break;
  }
  if (!in.complete()) return fail(ErrorCode::corrupt, fmt::format("'{}' does not hold what it says", file.native()));
  return portion;
}

Result<void> write_portion(const std::filesystem::path& file, const Portion& portion) {
  return write_checked_file(file, kPortionFile, [&](CheckedWriter& out) {
    for (const auto& [rows, error] : portion) {
      out.value(static_cast<std::uint8_t>(error.code));
      out.value(static_cast<std::uint32_t>(error.message.size()));
      out.bytes(as_bytes(error.message));
      out.bytes(std::as_bytes(std::span(rows)));
    }
  });
}

std::string key_of(const std::vector<Example>& examples, const FeatureRequest& request, const Space& space) {
  std::string text = fmt::format("{} {} {} {}\n", space.hash, to_string(space.precision), request.views, request.seed);
  for (const auto& [id, hash, label, group, stored] : examples) text += fmt::format("{}\n{}\n{}\n", id, hash, label);
  return sha256_hex(as_bytes(text));
}

// Numbers of their own for those without one.
std::uint32_t group_of(const std::vector<Example>& examples, std::size_t place) {
  return examples[place].group.value_or(static_cast<std::uint32_t>(examples.size() + place));
}

}  // namespace

Result<void> check_views(std::uint32_t views) {
  if (views >= 1 && views <= kMostViews) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} views: 1 to {} are possible", views, kMostViews));
}

Result<LabelledClasses> labelled_classes(Engine& engine, const FeatureRequest& request) {
  std::vector<std::string> names;
  EIDETIC_TRY(const auto examples, labelled_items(engine, request, false, names));
  LabelledClasses labelled;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    labelled.classes.push_back(examples[i].label);
    if (!request.group.empty()) labelled.groups.push_back(group_of(examples, i));
  }
  return labelled;
}

Result<Features> make_features(
    Engine& engine, const FeatureRequest& request,
    const std::function<void(std::uint64_t done, std::uint64_t total, std::uint64_t failed)>& progress,
    const std::stop_token& stop) {
  EIDETIC_CHECK(check_views(request.views));
  EIDETIC_TRY(const CollectionInfo info, engine.describe(request.collection));
  EIDETIC_TRY(const auto trunk, engine.embedder(request.trunk, Metric::cosine));
  const bool same_space = trunk->space().matches(info.spec.space);
  Features features;
  EIDETIC_TRY(const auto examples, labelled_items(engine, request, same_space, features.class_names));
  features.key = key_of(examples, request, trunk->space());

  const std::size_t width = std::size_t{trunk->space().dimensions} * request.views;
  const auto folder = request.folder / fmt::format("features-{}", features.key.substr(0, 16));
  EIDETIC_CHECK(make_directories(folder));
  const Maker maker(engine, request, *trunk);
  ThreadPool pool(trunk->parallelism());
  std::vector<float> all;
  std::map<std::uint32_t, std::uint32_t> class_numbers;  // without those of which no picture could be read
  std::vector<std::string> names;
  for (std::size_t first = 0; first < examples.size(); first += kPortion) {
    const auto some = std::span(examples).subspan(first, std::min(kPortion, examples.size() - first));
    const auto file = folder / fmt::format("{:06}", first / kPortion);
    auto portion = read_portion(file, some.size(), width);
    if (!portion) {
      if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped while features were made");
      portion = Portion(some.size());
      std::atomic<std::uint64_t> failed = features.failed;
      for (std::size_t done = 0; done < some.size(); done += kTold) {
        const std::size_t more = std::min(kTold, some.size() - done);
        pool.parallel_for(more, [&](std::size_t i) {
          if (stop.stop_requested()) return;
          auto rows = maker.rows_of(some[done + i]);
          auto& made = (*portion)[done + i];
          if (rows) {
            made.rows = *std::move(rows);
          } else {
            made.error = std::move(rows).error();
            ++failed;
          }
        });
        if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped while features were made");
        if (progress) progress(first + done + more, examples.size(), failed);
      }
      EIDETIC_CHECK(write_portion(file, *portion));
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto& [rows, error] = (*portion)[i];
      if (rows.empty()) {
        ++features.failed;
        if (features.errors.size() < kMostErrors) features.errors.push_back({some[i].id, error});
        continue;
      }
      all.insert(all.end(), rows.begin(), rows.end());
      const auto [number, is_new] =
          class_numbers.try_emplace(some[i].label, static_cast<std::uint32_t>(class_numbers.size()));
      if (is_new) names.push_back(features.class_names[some[i].label]);
      features.ids.push_back(some[i].id);
      features.classes.push_back(number->second);
      if (request.group.empty()) continue;
      features.groups.push_back(group_of(examples, first + i));
    }
    if (progress) progress(std::min(first + kPortion, examples.size()), examples.size(), features.failed);
  }
  features.class_names = std::move(names);
  features.rows = Matrix(features.ids.size() * request.views, trunk->space().dimensions);
  std::ranges::copy(all, features.rows.values().begin());
  return features;
}

}  // namespace eidetic
