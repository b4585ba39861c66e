#include "engine/learnt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "learn/labels.h"

namespace eidetic {
namespace {

constexpr std::size_t kMostLoaded = 64;  // of each kind; beyond, they are read anew

Result<std::vector<std::byte>> read_attachment(Backend& backend, std::string_view collection,
                                               const std::string& attachment, std::string_view what) {
  EIDETIC_TRY(auto bytes, backend.attachment(collection, attachment));
  if (!bytes) return fail(ErrorCode::corrupt, fmt::format("{} of collection '{}' is gone", what, collection));
  return *std::move(bytes);
}

template <typename T>
Result<std::shared_ptr<const T>> load(Backend& backend, std::string_view collection, const std::string& attachment,
                                      std::string_view what) {
  const auto read = [&]() -> Result<std::shared_ptr<const T>> {
    EIDETIC_TRY(const auto bytes, read_attachment(backend, collection, attachment, what));
    EIDETIC_TRY(auto learnt, T::deserialize(bytes, what));
    return std::make_shared<const T>(std::move(learnt));
  };
  auto loaded = read();
  if (!loaded && loaded.error().code == ErrorCode::corrupt) {
    return fail(ErrorCode::corrupt, fmt::format("{}; let it be learnt again", loaded.error().message));
  }
  return loaded;
}

template <typename T>
std::shared_ptr<const T> found(const std::map<std::string, std::shared_ptr<const T>, std::less<>>& all,
                               const std::string& attachment) {
  const auto one = all.find(attachment);
  return one == all.end() ? nullptr : one->second;
}

template <typename T>
void keep(std::map<std::string, std::shared_ptr<const T>, std::less<>>& all, const std::string& attachment,
          std::shared_ptr<const T> one) {
  if (all.size() >= kMostLoaded) all.clear();
  all[attachment] = std::move(one);
}

}  // namespace

Result<std::shared_ptr<const Classifier>> LearntCache::classifier(Backend& backend, std::string_view collection,
                                                                  const ClassifierSetting& setting) {
  const std::scoped_lock lock(mutex_);
  if (auto one = found(classifiers_, setting.attachment)) return one;
  EIDETIC_TRY(auto one, load<Classifier>(backend, collection, setting.attachment,
                                         fmt::format("the classifier '{}'", setting.info.name)));
  keep(classifiers_, setting.attachment, one);
  return one;
}

Result<std::shared_ptr<const Calibration>> LearntCache::calibration(Backend& backend, std::string_view collection,
                                                                    const std::string& attachment) {
  const std::scoped_lock lock(mutex_);
  if (auto one = found(calibrations_, attachment)) return one;
  EIDETIC_TRY(auto one, load<Calibration>(backend, collection, attachment, "the calibration"));
  keep(calibrations_, attachment, one);
  return one;
}

Result<ClassifierSetting> find_classifier(const CollectionSettings& settings, std::string_view collection,
                                          std::string_view name) {
  std::vector<std::string> known;
  for (const auto& setting : settings.classifiers) {
    if (setting.info.name == name) return setting;
    known.push_back(setting.info.name);
  }
  return fail(ErrorCode::not_found,
              fmt::format("collection '{}' has no classifier '{}'{}; {}", collection, name, did_you_mean(name, known),
                          known.empty() ? std::string("train one (eidetic classifiers train)")
                                        : fmt::format("it has: {}", fmt::join(known, ", "))));
}

std::unexpected<Error> model_changed(std::string_view collection) {
  return fail(ErrorCode::unavailable,
              fmt::format("the model of collection '{}' was changed meanwhile; try again", collection));
}

std::unexpected<Error> not_calibrated(std::string_view collection, ErrorCode code) {
  return fail(code, fmt::format("collection '{0}' was not calibrated, so nobody knows how likely its hits are real "
                                "matches; calibrate it first (eidetic calibrate -c {0})",
                                collection));
}

std::string attachment_name(std::string_view kind, std::span<const std::byte> content) {
  constexpr std::size_t kDigits = 32;
  return fmt::format("{}.{}", kind, sha256_hex(content).substr(0, kDigits));
}

Result<ItemClasses> ItemClasses::of(Backend& backend, LearntCache& cache, const CollectionSpec& collection) {
  ItemClasses classes;
  if (!has_learnt(collection.settings)) return classes;
  EIDETIC_TRY(auto settings, parse_settings(collection.settings, collection.name));
  for (auto& setting : settings.classifiers) {
    EIDETIC_TRY(auto classifier, cache.classifier(backend, collection.name, setting));
    classes.classes_.push_back({std::move(setting), std::move(classifier)});
  }
  return classes;
}

bool ItemClasses::assign(Item& item) const {
  if (classes_.empty()) return false;
  Json metadata = Json::parse(item.metadata, nullptr, false);
  if (!metadata.is_object()) return false;  // refused where it is stored, as a bad vector is
  bool changed = false;
  for (const auto& [setting, classifier] : classes_) {
    std::optional<std::string> name;
    if (setting.info.kind == ClassifierRequest::Kind::labels) {
      if (auto label = Labels(setting.info.label).label(item)) name = *std::move(label);
    }
    if (!name && !item.vector.empty()) {
      if (auto predicted = classifier->classify(item.vector)) name = std::move(predicted->name);
    }
    if (!name) continue;
    Json& field = metadata[setting.info.name];
    if (field == *name) continue;
    field = *std::move(name);
    changed = true;
  }
  if (changed) item.metadata = dump_json(metadata);
  return changed;
}

std::string ItemClasses::carried(const std::string& metadata, const std::string& stored) const {
  if (classes_.empty()) return metadata;
  const Json before = Json::parse(stored, nullptr, false);
  Json now = Json::parse(metadata, nullptr, false);
  if (!before.is_object() || !now.is_object()) return metadata;
  bool changed = false;
  for (const auto& one : classes_) {
    const auto& field = one.setting.info.name;
    if (now.contains(field) || !before.contains(field)) continue;
    now[field] = before[field];
    changed = true;
  }
  return changed ? dump_json(now) : metadata;
}

void ItemClasses::settle(Item& item, SaidMetadata said, const Item* stored) const {
  item.metadata = said.text ? *std::move(said.text) : stored != nullptr ? stored->metadata : "{}";
  if (said.exif) item.metadata = with_exif(item.metadata, *std::move(said.exif));
  if (stored != nullptr) item.metadata = carried(item.metadata, stored->metadata);
  assign(item);
}

}  // namespace eidetic
