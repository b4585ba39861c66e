// What a collection has learnt of itself, as it is kept: small facts in its settings, the rest in attachments that are
// named after their content, so that a name always means the same bytes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

#include "blobs/item_metadata.h"
#include "engine/settings.h"
#include "learn/calibration.h"
#include "learn/classifier.h"

namespace eidetic {

// Attachments as they were read. Thread-safe.
class LearntCache {
 public:
  // corrupt: it is not there or damaged, and has to be learnt again.
  [[nodiscard]] Result<std::shared_ptr<const Classifier>> classifier(Backend& backend, std::string_view collection,
                                                                     const ClassifierSetting& setting);
  [[nodiscard]] Result<std::shared_ptr<const Calibration>> calibration(Backend& backend, std::string_view collection,
                                                                       const std::string& attachment);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Classifier>, std::less<>> classifiers_;  // by attachment
  std::map<std::string, std::shared_ptr<const Calibration>, std::less<>> calibrations_;
};

// The classifier of that name; not_found, with those there are.
[[nodiscard]] Result<ClassifierSetting> find_classifier(const CollectionSettings& settings, std::string_view collection,
                                                        std::string_view name);
// Errors that say the way out.
[[nodiscard]] std::unexpected<Error> model_changed(std::string_view collection);
[[nodiscard]] std::unexpected<Error> not_calibrated(std::string_view collection, ErrorCode code);

// The name of these bytes as an attachment.
[[nodiscard]] std::string attachment_name(std::string_view kind, std::span<const std::byte> content);

// The classes that a collection's items have, each in a metadata field of its classifier's name. Immutable: any thread.
class ItemClasses {
 public:
  ItemClasses() = default;
  [[nodiscard]] static Result<ItemClasses> of(Backend& backend, LearntCache& cache, const CollectionSpec& collection);

  [[nodiscard]] bool empty() const noexcept { return classes_.empty(); }
  // Sets the item's classes: what its label says, or else, of an item with its vector, what the classifier does.
  // Whether that changed anything. Items that cannot be stored are left alone.
  bool assign(Item& item) const;
  // New metadata, with the classes that the stored metadata has and it has not.
  [[nodiscard]] std::string carried(const std::string& metadata, const std::string& stored) const;
  // Gives the item the metadata that is said of it, or else what is stored now (nullptr: nothing is), and its classes.
  void settle(Item& item, SaidMetadata said, const Item* stored) const;

 private:
  struct One {
    ClassifierSetting setting;
    std::shared_ptr<const Classifier> classifier;
  };
  std::vector<One> classes_;
};

}  // namespace eidetic
