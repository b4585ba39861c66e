// The names of eidetic/engine.h, for every room that prints or reads them.
#include <fmt/format.h>

#include <array>

#include "eidetic/engine.h"

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 5> kJobStates = {"queued", "running", "done", "failed", "cancelled"};
constexpr std::array<std::string_view, 4> kPutOutcomes = {"created", "replaced", "unchanged", "skipped"};
constexpr std::array<std::string_view, 3> kVerify = {"never", "unsure", "always"};
constexpr std::array<std::string_view, 4> kCopyEvidence = {"content", "pixels", "hash", "vectors"};
constexpr std::array<std::string_view, 3> kOnDuplicate = {"store", "report", "skip"};
constexpr std::array<std::string_view, 4> kAugmentations = {"none", "pool", "mean", "parts"};
constexpr std::array<std::string_view, 3> kClassifierKinds = {"labels", "clusters", "text"};
constexpr std::array<std::string_view, 5> kTermKinds = {"picture", "bytes", "id", "text", "vector"};
constexpr std::array<std::string_view, 3> kExifFields = {"none", "camera", "gps"};
constexpr std::array<std::string_view, 2> kMapMethods = {"pca", "umap"};
constexpr std::array<std::string_view, 3> kMigrationStates = {"embedding", "ready", "switched"};
constexpr std::array<std::string_view, 4> kMigrateSteps = {"migrate", "prepare", "switch", "rollback"};

}  // namespace

std::string_view to_string(JobState state) noexcept { return kJobStates[static_cast<std::size_t>(state)]; }

Result<JobState> parse_job_state(std::string_view name) {
  for (std::size_t i = 0; i < kJobStates.size(); ++i) {
    if (kJobStates[i] == name) return static_cast<JobState>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no state of a job: queued, running, done, failed or cancelled", name));
}

std::string_view to_string(PutOutcome outcome) noexcept { return kPutOutcomes[static_cast<std::size_t>(outcome)]; }

std::string_view to_string(Augmentation augmentation) noexcept {
  return kAugmentations[static_cast<std::size_t>(augmentation)];
}

Result<Augmentation> parse_augmentation(std::string_view name) {
  for (std::size_t i = 0; i < kAugmentations.size(); ++i) {
    if (kAugmentations[i] == name) return static_cast<Augmentation>(i);
  }
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no augmentation: none, pool, mean or parts", name));
}

std::string_view to_string(ClassifierRequest::Kind kind) noexcept {
  return kClassifierKinds[static_cast<std::size_t>(kind)];
}

Result<ClassifierRequest::Kind> parse_classifier_kind(std::string_view name) {
  for (std::size_t i = 0; i < kClassifierKinds.size(); ++i) {
    if (kClassifierKinds[i] == name) return static_cast<ClassifierRequest::Kind>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no kind of a classifier: labels, clusters or text", name));
}

std::string_view to_string(Term::Kind kind) noexcept { return kTermKinds[static_cast<std::size_t>(kind)]; }

std::string_view to_string(ExifFields fields) noexcept { return kExifFields[static_cast<std::size_t>(fields)]; }

Result<ExifFields> parse_exif_fields(std::string_view name) {
  for (std::size_t i = 0; i < kExifFields.size(); ++i) {
    if (kExifFields[i] == name) return static_cast<ExifFields>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no choice of EXIF fields: none, camera, or gps, which adds the place", name));
}

std::string_view to_string(Verify verify) noexcept { return kVerify[static_cast<std::size_t>(verify)]; }

Result<Verify> parse_verify(std::string_view name) {
  for (std::size_t i = 0; i < kVerify.size(); ++i) {
    if (kVerify[i] == name) return static_cast<Verify>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' does not say when to verify: never, unsure or always", name));
}

std::string_view to_string(CopyEvidence evidence) noexcept { return kCopyEvidence[static_cast<std::size_t>(evidence)]; }

Result<CopyEvidence> parse_copy_evidence(std::string_view name) {
  for (std::size_t i = 0; i < kCopyEvidence.size(); ++i) {
    if (kCopyEvidence[i] == name) return static_cast<CopyEvidence>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no evidence of a copy: content, pixels, hash or vectors", name));
}

std::string_view to_string(OnDuplicate what) noexcept { return kOnDuplicate[static_cast<std::size_t>(what)]; }

Result<OnDuplicate> parse_on_duplicate(std::string_view name) {
  for (std::size_t i = 0; i < kOnDuplicate.size(); ++i) {
    if (kOnDuplicate[i] == name) return static_cast<OnDuplicate>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' does not say what becomes of duplicates: store, report or skip", name));
}

std::string_view to_string(MapMethod method) noexcept { return kMapMethods[static_cast<std::size_t>(method)]; }

Result<MapMethod> parse_map_method(std::string_view name) {
  for (std::size_t i = 0; i < kMapMethods.size(); ++i) {
    if (kMapMethods[i] == name) return static_cast<MapMethod>(i);
  }
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no method of a map: pca or umap", name));
}

std::string_view to_string(MigrationInfo::State state) noexcept {
  return kMigrationStates[static_cast<std::size_t>(state)];
}

Result<MigrationInfo::State> parse_migration_state(std::string_view name) {
  for (std::size_t i = 0; i < kMigrationStates.size(); ++i) {
    if (kMigrationStates[i] == name) return static_cast<MigrationInfo::State>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no state of a change of model: embedding, ready or switched", name));
}

std::string_view to_string(MigrateRequest::Step step) noexcept { return kMigrateSteps[static_cast<std::size_t>(step)]; }

Result<MigrateRequest::Step> parse_migrate_step(std::string_view name) {
  for (std::size_t i = 0; i < kMigrateSteps.size(); ++i) {
    if (kMigrateSteps[i] == name) return static_cast<MigrateRequest::Step>(i);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no step of a change of model: migrate, prepare, switch or rollback", name));
}

}  // namespace eidetic
