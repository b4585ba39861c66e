// The verbs of Core by which a collection learns of itself: classes of its items, and what its similarities are worth.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/json.h"
#include "engine/calibration_searches.h"
#include "engine/core.h"
#include "engine/migration.h"
#include "engine/settings.h"
#include "learn/labels.h"
#include "learn/text_classes.h"
#include "learn/train_clusters.h"
#include "learn/train_labels.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 1000;
constexpr std::size_t kMostRows = 100'000;                          // learnt from
constexpr std::size_t kMostFloats = (std::size_t{256} << 20U) / 4;  // 256 MiB of vectors

Result<void> check(const ClassifierRequest& request) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  constexpr std::size_t kLongest = 64;
  if (request.name.empty() || request.name.size() > kLongest || !std::ranges::all_of(request.name, allowed)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name of a classifier: 1 to {} of A-Z a-z 0-9 _ -", request.name, kLongest));
  }
  if (!(request.min_confidence >= 0 && request.min_confidence <= 1)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a least confidence of {} is outside 0 to 1", request.min_confidence));
  }
  if (request.kind == ClassifierRequest::Kind::labels && request.label.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a classifier of labels needs the field that they are in, or {}", kFolderLabel));
  }
  if (request.kind == ClassifierRequest::Kind::labels && request.label == request.name) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the classifier '{0}' would write its classes over the labels in the field '{0}'; give it "
                            "another name",
                            request.name));
  }
  if (!request.csv.empty() && !request.classes.empty()) {
    return fail(ErrorCode::invalid_argument, "both names of classes and a CSV of them are given; give one of them");
  }
  return {};
}

// A sample of the items, drawn evenly as they come (Vitter's algorithm R).
class Sample {
 public:
  Sample(std::uint32_t dimensions, std::uint64_t seed)
      : dimensions_(dimensions), most_(std::min(kMostRows, kMostFloats / dimensions)), random_(seed) {}

  void add(const Vector& vector, std::string label) {
    std::size_t row = labels_.size();
    if (row < most_) {
      values_.insert(values_.end(), vector.begin(), vector.end());
      labels_.push_back(std::move(label));
    } else {
      row = std::uniform_int_distribution<std::size_t>(0, seen_)(random_);
      if (row < most_) {
        std::ranges::copy(vector, values_.begin() + static_cast<std::ptrdiff_t>(row * dimensions_));
        labels_[row] = std::move(label);
      }
    }
    ++seen_;
  }

  [[nodiscard]] MatrixView vectors() const { return {values_, dimensions_}; }
  [[nodiscard]] const std::vector<std::string>& labels() const noexcept { return labels_; }

 private:
  std::size_t dimensions_;
  std::size_t most_;
  std::mt19937_64 random_;
  std::size_t seen_ = 0;
  std::vector<float> values_;
  std::vector<std::string> labels_;
};

// What is learnt from; and that the field of the classifier is its own.
Result<Sample> draw(Backend& backend, const CollectionSpec& collection, const ClassifierRequest& request, bool own) {
  Sample sample(collection.space.dimensions, request.seed);
  Labels labels(request.label);
  const bool labelled = request.kind == ClassifierRequest::Kind::labels;
  bool any = false;
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, backend.scroll(collection.name, cursor, kPage, true));
    cursor = std::move(page.next);
    for (const Item& item : page.items) {
      if (!own && Json::parse(item.metadata, nullptr, false).contains(request.name)) {
        return fail(ErrorCode::already_exists,
                    fmt::format("item '{}' of collection '{}' has a field '{}' already, in which the classifier would "
                                "write its classes; give it another name",
                                item.id, collection.name, request.name));
      }
      std::optional<std::string> label;
      if (labelled) {
        EIDETIC_TRY(label, labels.label(item));
        any = any || label;
      }
      if (!labelled || label) sample.add(item.vector, std::move(label).value_or(""));
    }
  } while (!cursor.empty());
  if (labelled && !any) return labels.none(collection.name);
  return sample;
}

Result<ClassEmbeddings> text_embeddings(const ClassifierRequest& request, const CollectionSpec& collection,
                                        const EmbedderSource& embedder) {
  const auto dimensions = collection.space.dimensions;
  if (!request.csv.empty()) {
    EIDETIC_TRY(auto classes, parse_class_csv(request.csv, "the CSV of classes"));
    if (classes.vectors.columns() == dimensions) return classes;
    return fail(ErrorCode::invalid_argument,
                fmt::format("the CSV of classes has vectors of {} values; collection '{}' has {} dimensions",
                            classes.vectors.columns(), collection.name, dimensions));
  }
  EIDETIC_TRY(const auto model, embedder());
  if (!model->has_text()) {
    return fail(ErrorCode::unsupported,
                fmt::format("the model {} of collection '{}' knows pictures only, no words for classes; give their "
                            "vectors as a CSV, or learn classes from labels or clusters",
                            model->space().model, collection.name));
  }
  ClassEmbeddings classes;
  classes.names = request.classes;
  if (classes.names.empty()) classes.names.assign(kDefaultTextClasses.begin(), kDefaultTextClasses.end());
  classes.vectors = Matrix(classes.names.size(), dimensions);
  for (std::size_t i = 0; i < classes.names.size(); ++i) {
    const auto vector = model->embed_text(classes.names[i]);
    if (!vector) {
      return fail(vector.error().code, fmt::format("class '{}': {}", classes.names[i], vector.error().message));
    }
    std::ranges::copy(*vector, classes.vectors[i].begin());
  }
  return classes;
}

ClassifierInfo info_of(const ClassifierRequest& request, const LearnReport& report) {
  return {.name = request.name,
          .kind = request.kind,
          .label = request.label,
          .min_confidence = request.min_confidence,
          .items = report.items,
          .held_out = report.held_out,
          .accuracy = report.accuracy,
          .calibration_error = report.calibration_error};
}

CalibrationInfo info_of(const CalibrationSetting& setting, const Calibration& calibration) {
  const auto& report = calibration.report();
  CalibrationInfo info{.label = setting.label,
                       .items = report.items,
                       .searches = report.cases,
                       .labels = report.labels,
                       .recommended = report.recommended.minimum,
                       .lost = report.recommended.lost,
                       .refused = report.recommended.refused,
                       .calibration_error = report.calibration_error};
  for (const auto& [predicted, observed, count] : report.bins) info.bins.push_back({predicted, observed, count});
  return info;
}

bool erase_field(Item& item, const std::string& field) {
  Json metadata = Json::parse(item.metadata, nullptr, false);
  if (!metadata.is_object() || metadata.erase(field) == 0) return false;
  item.metadata = dump_json(metadata);
  return true;
}

}  // namespace

Result<ItemClasses> Core::item_classes(std::string_view name) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  return ItemClasses::of(*parts_.backend, learnt_, collection);
}

Result<void> Core::change_settings(const CollectionSpec& learnt_of, const std::string& attachment,
                                   std::span<const std::byte> content,
                                   const std::function<void(CollectionSettings&)>& change) {
  const std::string& name = learnt_of.name;
  const std::scoped_lock lock(settings_);
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  if (collection.era != learnt_of.era) return model_changed(name);
  if (!content.empty()) EIDETIC_CHECK(parts_.backend->attach(name, attachment, content));
  return edit_settings(name, [&](const CollectionSpec& now, CollectionSettings& settings) -> Result<void> {
    if (now.era != learnt_of.era) return model_changed(name);
    change(settings);
    return {};
  });
}

Result<void> Core::edit_items(const CollectionSpec& collection, bool with_vectors,
                              const std::function<bool(Item&)>& edit) {
  const std::string& name = collection.name;
  std::string cursor;
  do {
    const std::scoped_lock lock(writing_);
    EIDETIC_TRY(const auto now, parts_.backend->spec(name));
    if (now.era != collection.era) return {};  // whoever has changed the model goes through all items after that
    EIDETIC_TRY(auto page, parts_.backend->scroll(name, cursor, kPage, with_vectors));
    cursor = std::move(page.next);
    std::erase_if(page.items, [&](Item& item) { return !edit(item); });
    if (page.items.empty()) continue;
    EIDETIC_TRY(const auto stored, parts_.backend->update(name, page.items));
    for (const auto& result : stored) {
      // One that another call has deleted meanwhile needs no class.
      if (!result && result.error().code != ErrorCode::not_found) return result;
    }
  } while (!cursor.empty());
  return {};
}

Result<Core::LearntClassifier> Core::learn_classifier(const CollectionSpec& collection,
                                                      const ClassifierRequest& request, bool own,
                                                      const EmbedderSource& embedder) {
  EIDETIC_TRY(const Sample sample, draw(*parts_.backend, collection, request, own));
  LearnOptions options;
  options.hidden = request.hidden;
  options.seed = request.seed;
  options.pool = parts_.pool.get();
  LearntClassifier kept;
  const auto take = [&](const Classifier& classifier, const LearnReport& report) {
    kept.bytes = classifier.serialize();
    kept.setting = {.info = info_of(request, report), .attachment = attachment_name("classifier", kept.bytes)};
    kept.classes = classifier.class_names();
  };
  switch (request.kind) {
    case ClassifierRequest::Kind::labels: {
      EIDETIC_TRY(const auto made, train_labels(sample.vectors(), sample.labels(), options));
      take(made.classifier, made.report);
      break;
    }
    case ClassifierRequest::Kind::clusters: {
      EIDETIC_TRY(const auto made, train_clusters(sample.vectors(), request.clusters, options));
      take(made.classifier, made.report);
      break;
    }
    case ClassifierRequest::Kind::text: {
      EIDETIC_TRY(const auto classes, text_embeddings(request, collection, embedder));
      EIDETIC_TRY(const auto made, text_classes(classes));
      take(made, {});
      break;
    }
  }
  return kept;
}

Result<ClassifierInfo> Core::train_classifier(std::string_view name, const ClassifierRequest& request) {
  EIDETIC_CHECK(check(request));
  return in_one_space(name, [&](const CollectionSpec& collection) -> Result<ClassifierInfo> {
    EIDETIC_TRY(const auto settings, parse_settings(collection.settings, name));
    const bool own = std::ranges::any_of(settings.classifiers,
                                         [&](const auto& setting) { return setting.info.name == request.name; });
    EIDETIC_TRY(auto learnt, learn_classifier(collection, request, own,
                                              [&] { return embedder_of(collection, "", Embedders::Use::queries); }));
    const auto& setting = learnt.setting;
    EIDETIC_CHECK(change_settings(collection, setting.attachment, learnt.bytes, [&](CollectionSettings& all) {
      std::erase_if(all.classifiers, [&](const auto& one) { return one.info.name == request.name; });
      all.classifiers.push_back(setting);
    }));
    // What is stored from now on gets its class where it is stored; now what was there.
    EIDETIC_CHECK(assign_classes(name, {}));
    ClassifierInfo info = setting.info;
    info.classes = std::move(learnt.classes);
    return info;
  });
}

Result<void> Core::assign_classes(std::string_view name, std::span<const std::string> gone) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto classes, ItemClasses::of(*parts_.backend, learnt_, collection));
  if (classes.empty() && gone.empty()) return {};
  return edit_items(collection, true, [&](Item& item) {
    bool changed = false;
    for (const auto& field : gone) changed = erase_field(item, field) || changed;
    return classes.assign(item) || changed;
  });
}

Result<std::vector<ClassifierInfo>> Core::classifiers(std::string_view name) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(auto settings, parse_settings(collection.settings, name));
  std::vector<ClassifierInfo> all;
  for (auto& setting : settings.classifiers) {
    EIDETIC_TRY(const auto classifier, learnt_.classifier(*parts_.backend, name, setting));
    setting.info.classes = classifier->class_names();
    all.push_back(std::move(setting.info));
  }
  return all;
}

Result<void> Core::drop_classifier(std::string_view name, std::string_view classifier) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, name));
  EIDETIC_CHECK(find_classifier(settings, name, classifier));
  EIDETIC_CHECK(change_settings(collection, {}, {}, [&](CollectionSettings& all) {
    std::erase_if(all.classifiers, [&](const auto& one) { return one.info.name == classifier; });
  }));
  return edit_items(collection, false, [&](Item& item) { return erase_field(item, std::string(classifier)); });
}

Result<Core::LearntCalibration> Core::learn_calibration(std::string_view name, const CalibrationRequest& request) {
  EIDETIC_TRY(const auto collection, parts_.backend->describe(name));
  CalibrationOptions options;
  options.metric = collection.spec.space.metric;
  options.seed = request.seed;
  EIDETIC_TRY(const auto cases,
              calibration_searches(*parts_.backend, collection.spec, request.label, options.queries, request.seed));
  const auto learnt = Calibration::fit(cases, collection.items, options);
  if (!learnt) {
    return fail(learnt.error().code, fmt::format("collection '{}': {}", name, learnt.error().message));
  }
  LearntCalibration kept{.setting = {}, .bytes = learnt->serialize(), .info = {}};
  kept.setting = {.label = request.label, .attachment = attachment_name("calibration", kept.bytes)};
  kept.info = info_of(kept.setting, *learnt);
  return kept;
}

Result<CalibrationInfo> Core::calibrate(std::string_view name, const CalibrationRequest& request) {
  return in_one_space(name, [&](const CollectionSpec& collection) -> Result<CalibrationInfo> {
    EIDETIC_TRY(const auto learnt, learn_calibration(name, request));
    EIDETIC_CHECK(change_settings(collection, learnt.setting.attachment, learnt.bytes,
                                  [&](CollectionSettings& settings) { settings.calibration = learnt.setting; }));
    return learnt.info;
  });
}

Result<LearntAnew> Core::learn_anew(std::string_view name, const ModelChange& change) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, name));
  EIDETIC_TRY(const auto other, parts_.backend->spec(other_space_name(name)));
  LearntAnew learnt{.instead_of = attachments_of(settings)};
  for (const auto& before : settings.classifiers) {
    EIDETIC_TRY(const auto classifier, learnt_.classifier(*parts_.backend, name, before));
    ClassifierRequest request{.name = before.info.name,
                              .kind = before.info.kind,
                              .label = before.info.label,
                              .hidden = static_cast<std::uint32_t>(classifier->parts().shape.hidden),
                              .classes = {},
                              .min_confidence = before.info.min_confidence};
    if (request.kind == ClassifierRequest::Kind::text) request.classes = classifier->class_names();
    if (request.kind == ClassifierRequest::Kind::clusters) {
      // Clusters of another space would be others: those that the items are in are learnt as labels, and stay.
      request.kind = ClassifierRequest::Kind::labels;
      request.label = request.name;
    }
    auto anew = learn_classifier(other, request, true,
                                 [&]() -> Result<std::shared_ptr<const Embedder>> { return change.embedder; });
    if (!anew) {
      learnt.notes.push_back(
          fmt::format("the classifier '{}' is not brought along: {}", request.name, anew.error().message));
      continue;
    }
    anew->setting.info.kind = before.info.kind;
    anew->setting.info.label = before.info.label;
    learnt.attachments.emplace_back(anew->setting.attachment, std::move(anew->bytes));
    learnt.classifiers.push_back(std::move(anew->setting));
  }
  if (!settings.calibration) return learnt;
  auto anew = learn_calibration(other.name, {.label = settings.calibration->label});
  if (anew) {
    learnt.attachments.emplace_back(anew->setting.attachment, std::move(anew->bytes));
    learnt.calibration = std::move(anew->setting);
  } else {
    learnt.notes.push_back(fmt::format("the calibration is not brought along: {}", anew.error().message));
  }
  return learnt;
}

Result<CalibrationInfo> Core::calibration(std::string_view name) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, name));
  if (!settings.calibration) return not_calibrated(name, ErrorCode::not_found);
  EIDETIC_TRY(const auto calibration, learnt_.calibration(*parts_.backend, name, settings.calibration->attachment));
  return info_of(*settings.calibration, *calibration);
}

}  // namespace eidetic
