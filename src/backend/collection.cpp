#include "backend/collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace eidetic {
namespace {

constexpr auto kExact = "Flat";
constexpr auto kGraph = "HNSW16";
// A graph over so few items is built on the spot, without the exact index standing in.
constexpr std::uint64_t kBuildAtOnce = 1000;
// Dead rows cost room and scanning time. Half of all, but not over a handful.
constexpr Row kMinDead = 4096;
// What an index has learnt from a quarter of the items no longer fits them well.
constexpr std::uint64_t kOutgrown = 4;

bool outgrown(const IndexStats& stats, std::uint64_t items) {
  return stats.training.rows > 0 && items >= kOutgrown * stats.training.rows;
}

// The numbers that name the generations in a collection's folder, newest first.
std::vector<std::uint64_t> generations_in(const std::filesystem::path& folder) {
  std::vector<std::uint64_t> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().native();
    std::uint64_t number = 0;
    const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (status == std::errc{} && end == name.data() + name.size()) numbers.push_back(number);
  }
  std::ranges::sort(numbers, std::greater{});
  return numbers;
}

void remove_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

std::uint64_t size_of_files(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const auto size = entry->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

Collection::Collection(CollectionRecord record, CollectionOptions options, Catalog& catalog, Jobs& jobs)
    : record_(std::move(record)),
      options_(std::move(options)),
      catalog_(catalog),
      jobs_(jobs),
      looked_at_disk_(options_.fresh),
      settings_(record_.spec.settings),
      index_(record_.spec.index) {
  options_.index.stop = &jobs_.closing();
}

Collection::State Collection::state() const {
  const std::shared_lock lock(state_mutex_);
  return state_;
}

void Collection::set_state(State next) {
  const std::unique_lock lock(state_mutex_);
  state_.swap(next);
}

void Collection::set_building(std::string factory) {
  const std::unique_lock lock(state_mutex_);
  building_ = std::move(factory);
}

std::string Collection::build_error() const {
  const std::shared_lock lock(state_mutex_);
  return build_error_;
}

void Collection::set_build_error(std::string error) {
  const std::unique_lock lock(state_mutex_);
  build_error_ = std::move(error);
}

// --- opening ---

Result<Collection::State> Collection::ready() {
  if (auto opened = state()) return opened;
  const std::scoped_lock writing(write_mutex_);
  return open();
}

Result<Collection::State> Collection::ready_with(std::span<const FieldName> fields) {
  EIDETIC_TRY(State generation, ready());
  if (fields.empty() || generation->columns().has(fields)) return generation;
  const std::scoped_lock writing(write_mutex_);
  return open_with(fields);
}

Result<Collection::State> Collection::open_with(std::span<const FieldName> fields) {
  EIDETIC_TRY(State generation, open());
  EIDETIC_CHECK(generation->learn(fields, catalog_, record_));
  return generation;
}

Result<Collection::State> Collection::open() {
  if (dropped_) return fail(ErrorCode::not_found, fmt::format("no collection '{}'", record_.spec.name));
  if (auto opened = state()) return opened;
  EIDETIC_TRY(const CollectionRecord now, catalog_.describe(record_.key));
  std::vector<std::uint64_t> generations;
  const bool first_look = !std::exchange(looked_at_disk_, true);
  if (first_look) generations = generations_in(options_.folder);
  if (!generations.empty()) next_generation_ = std::max(next_generation_, generations.front() + 1);

  auto opened = open_saved(now, generations);
  if (!opened) {
    if (now.sequence > 0 && first_look) {  // later, whoever took the index away has said why
      log(LogLevel::warning, "collection '{}': {}; building the index again from the catalog", now.spec.name,
          opened.error().message);
    }
    // What is there is of no use, and its room may be needed.
    for (const std::uint64_t number : generations) remove_folder(options_.folder / std::to_string(number));
    EIDETIC_TRY(opened, Generation::create(options_.folder / std::to_string(next_generation_++), record_,
                                           first_factory(now.items), options_.index));
    EIDETIC_CHECK((*opened)->replay(catalog_, record_, jobs_.closing()));
  }
  for (const std::uint64_t number : generations) {
    const auto folder = options_.folder / std::to_string(number);
    if (folder != (*opened)->folder()) remove_folder(folder);
  }
  set_state(*opened);
  post_due_work();
  return opened;
}

Result<Collection::State> Collection::open_saved(const CollectionRecord& now,
                                                 std::span<const std::uint64_t> generations) {
  // The newest may be one that was being built when the process ended, and never saved: then the one before holds.
  Result<State> opened = fail(ErrorCode::not_found, "its index is missing");
  for (const std::uint64_t number : generations) {
    opened = Generation::open(options_.folder / std::to_string(number), now, first_factory(now.items), options_.index);
    if (!opened && opened.error().code == ErrorCode::not_found) continue;
    if (opened && (*opened)->store().sequence() != now.sequence) {
      if (auto replayed = (*opened)->replay(catalog_, record_, jobs_.closing()); !replayed) {
        return std::unexpected(std::move(replayed).error());
      }
    }
    return opened;
  }
  return opened;
}

// --- writing ---

Result<std::vector<Result<void>>> Collection::upsert(std::span<const Item> items) {
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_CHECK(open());
  EIDETIC_TRY(Change change, catalog_.upsert(record_, items));
  apply(change, items);
  return std::move(change.results);
}

Result<std::vector<Result<void>>> Collection::update(std::span<const Item> items) {
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_TRY(Change change, catalog_.update(record_, items));
  if (const State generation = state(); generation != nullptr) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < items.size(); ++i) ids.push_back(change.results[i] ? items[i].id : std::string());
    if (const auto keys = catalog_.keys_of(record_.key, ids)) {
      generation->update(*keys, items);
    } else {  // committed all the same; opened again, it reads what it needs
      set_state(nullptr);
    }
  }
  return std::move(change.results);
}

Result<std::uint64_t> Collection::erase(std::span<const std::string> ids) {
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_CHECK(open());
  EIDETIC_TRY(const Change change, catalog_.erase(record_, ids));
  apply(change, {});
  return change.removed.size();
}

// The batch is committed and will be acknowledged, whatever happens to what is derived from it.
void Collection::apply(const Change& change, std::span<const Item> items) {
  const State generation = state();
  if (const auto applied = generation->apply(change, items); !applied) {
    log(LogLevel::warning, "collection '{}': {}; the index will be built again from the catalog", record_.spec.name,
        applied.error().message);
    set_state(nullptr);
    remove_folder(generation->folder());
    return;
  }
  post_due_work();
}

void Collection::post_due_work() {
  const State generation = state();
  if (!build_posted_) {
    if (auto factory = wanted_build(*generation)) {
      build_posted_ = true;
      set_building(*std::move(factory));
      jobs_.post([self = shared_from_this()] { self->build_now(); });
    }
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - last_save_ < options_.snapshot_every) return;
  last_save_ = now;
  jobs_.post([self = shared_from_this()] {
    if (const auto saved = self->save(); !saved) log(LogLevel::info, "no snapshot: {}", saved.error().message);
  });
}

// --- which index, and building it ---

std::string Collection::index_setting() const {
  const std::shared_lock lock(state_mutex_);
  return index_;
}

std::string Collection::target(std::uint64_t items, bool is_graph) const {
  if (std::string index = index_setting(); index != "auto") {
    return items < least_training_rows(index).value_or(0) ? kExact : index;
  }
  // Back to exact only well below, so that a collection at the limit is not rebuilt again and again.
  const std::uint64_t limit = is_graph ? options_.hnsw_from_items / 2 : options_.hnsw_from_items;
  return items >= limit ? kGraph : kExact;
}

std::string Collection::first_factory(std::uint64_t items) const {
  std::string index = items <= kBuildAtOnce ? target(items, false) : kExact;
  return least_training_rows(index).value_or(0) > 0 ? kExact : index;
}

std::optional<std::string> Collection::wanted_build(const Generation& generation) const {
  const IndexStats stats = generation.index().stats();
  std::string factory = target(generation.store().live(), stats.kind != kExact);
  if (rebuild_asked_) return factory;
  if (!build_error().empty()) return std::nullopt;
  const bool mostly_dead = generation.dead() > std::max(kMinDead, generation.store().live());
  if (stats.kind != factory || mostly_dead || outgrown(stats, generation.store().live())) return factory;
  return std::nullopt;
}

std::string Collection::note(const IndexStats& stats, std::uint64_t items) const {
  const std::string index = index_setting();
  if (const std::string error = build_error(); !error.empty()) {
    return fmt::format("{} could not be built: {}", index == "auto" ? "the index" : index, error);
  }
  if (index != "auto" && stats.kind != index) {
    const std::uint64_t least = least_training_rows(index).value_or(0);
    if (items < least)
      return fmt::format("{} is learnt from at least {} items; until then the search is exact", index, least);
  }
  if (outgrown(stats, items)) {
    return fmt::format("learnt from {} items and there are {} now; it is being learnt again", stats.training.rows,
                       items);
  }
  return {};
}

void Collection::build_now() {
  const std::scoped_lock building(build_mutex_);
  std::string factory;
  std::filesystem::path folder;
  {
    const std::scoped_lock writing(write_mutex_);
    build_posted_ = false;
    const State generation = state();
    auto wanted = generation == nullptr || retired_ ? std::nullopt : wanted_build(*generation);
    set_building(wanted.value_or(""));
    if (!wanted) return;
    rebuild_asked_ = false;
    set_build_error("");
    factory = *std::move(wanted);
    folder = options_.folder / std::to_string(next_generation_++);
  }
  const auto built = build(factory, folder);
  set_building("");
  if (built) return;
  remove_folder(folder);
  const std::scoped_lock writing(write_mutex_);
  if (jobs_.closing() || dropped_ || retired_) return;
  set_build_error(built.error().message);
  log(LogLevel::warning, "collection '{}': cannot build {} in the background: {}; searches go on with the old index",
      record_.spec.name, factory, built.error().message);
}

Result<void> Collection::build(const std::string& factory, const std::filesystem::path& folder) {
  EIDETIC_TRY(auto generation, Generation::create(folder, record_, factory, options_.index));
  // Each round takes in what was written during the round before; the last, short one with writes held back.
  constexpr int kMaxRounds = 8;
  constexpr Row kShortRound = 256;
  for (int round = 0; round < kMaxRounds; ++round) {
    const Row before = generation->store().rows();
    EIDETIC_CHECK(generation->replay(catalog_, record_, jobs_.closing()));
    if (generation->store().rows() - before <= kShortRound) break;
  }
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_TRY(const CollectionRecord now, catalog_.describe(record_.key));  // not_found: dropped meanwhile
  EIDETIC_CHECK(generation->replay(catalog_, record_, jobs_.closing()));
  EIDETIC_CHECK(generation->save(now.sequence));
  const State old = state();
  if (old != nullptr) generation->take_columns(*old);
  set_state(std::move(generation));
  if (old != nullptr) remove_folder(old->folder());
  return {};
}

// --- the rest ---

CollectionSpec Collection::spec() const {
  CollectionSpec spec{.name = record_.spec.name, .space = record_.spec.space, .index = index_setting()};
  spec.era = record_.spec.era;
  const std::shared_lock lock(state_mutex_);
  spec.settings = settings_;
  return spec;
}

Result<void> Collection::configure(const EditSettings& edit) {
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_TRY(std::string settings, edit(spec()));
  EIDETIC_CHECK(catalog_.configure(record_.key, settings));
  const std::unique_lock lock(state_mutex_);
  settings_ = std::move(settings);
  return {};
}

Result<void> Collection::reindex(std::string_view index) {
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_CHECK(open());
  if (!index.empty()) {
    EIDETIC_CHECK(catalog_.set_index(record_.key, index));
    const std::unique_lock lock(state_mutex_);
    index_ = index;
  }
  rebuild_asked_ = true;
  post_due_work();
  return {};
}

Result<CollectionInfo> Collection::describe() {
  EIDETIC_TRY(CollectionRecord now, catalog_.describe(record_.key));
  CollectionInfo info{.spec = std::move(now.spec),
                      .items = now.items,
                      .sequence = now.sequence,
                      .index_kind = first_factory(now.items),
                      .index_building = {},
                      .index_training = {},
                      .index_note = {},
                      .memory_bytes = 0,
                      .disk_bytes = size_of_files(options_.folder),
                      .created_ms = now.created_ms};
  // The row has those of the era that answers, which this one need not be.
  info.spec.space = record_.spec.space;
  info.spec.era = record_.spec.era;
  IndexStats stats = {.kind = info.index_kind};
  if (const State generation = state(); generation != nullptr) {
    stats = generation->index().stats();
    info.index_kind = stats.kind;
    info.index_training = stats.training;
    info.memory_bytes = stats.memory_bytes + generation->store().memory_bytes() + generation->columns().memory_bytes();
  }
  info.index_note = note(stats, info.items);
  const std::shared_lock lock(state_mutex_);
  info.index_building = building_;
  return info;
}

Result<void> Collection::save() {
  const std::scoped_lock writing(write_mutex_);
  const State generation = state();
  if (generation == nullptr || retired_) return {};
  EIDETIC_TRY(const CollectionRecord now, catalog_.describe(record_.key));
  return generation->save(now.sequence);
}

Result<void> Collection::drop() {
  {
    const std::scoped_lock writing(write_mutex_);
    EIDETIC_CHECK(catalog_.drop(record_.key));
  }
  discard();
  return {};
}

void Collection::discard() {
  const std::scoped_lock writing(write_mutex_);
  dropped_ = true;
  set_state(nullptr);
  remove_folder(options_.folder);
}

// --- one space in the place of another ---

Result<std::uint64_t> Collection::store_made(std::span<const ItemKey> keys, std::vector<Vector> vectors) {
  const std::scoped_lock writing(write_mutex_);
  if (dropped_) return fail(ErrorCode::not_found, fmt::format("no collection '{}'", record_.spec.name));
  EIDETIC_TRY(auto stored, catalog_.store_other(record_, keys, vectors));
  const auto first = std::ranges::find_if(stored, [](ItemKey key) { return key != 0; });
  const auto count = stored.size() - static_cast<std::size_t>(std::ranges::count(stored, ItemKey{0}));
  const State generation = state();
  if (generation == nullptr || first == stored.end()) return count;
  if (*first < generation->last_key()) {
    // What was passed over before: rows lie in the order of keys, so they are laid anew.
    set_state(nullptr);
    remove_folder(generation->folder());
    return count;
  }
  std::vector<Item> items(vectors.size());
  for (std::size_t i = 0; i < items.size(); ++i) items[i].vector = std::move(vectors[i]);
  apply({.results = {}, .added = std::move(stored), .removed = {}}, items);
  return count;
}

Result<void> Collection::build_whole() {
  {
    const std::scoped_lock writing(write_mutex_);
    EIDETIC_TRY(const State generation, open());
    EIDETIC_CHECK(generation->replay(catalog_, record_, jobs_.closing()));
    post_due_work();
  }
  build_now();
  return {};
}

Result<void> Collection::catch_up_with(const Collection& before) {
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_TRY(const State generation, open());
  EIDETIC_CHECK(generation->replay(catalog_, record_, jobs_.closing()));
  if (const State old = before.state()) generation->take_columns(*old);
  return {};
}

void Collection::adopt(std::string_view settings, const Collection& before) {
  std::string index = before.index_setting();
  const std::unique_lock lock(state_mutex_);
  settings_ = settings;
  index_ = std::move(index);
}

void Collection::retire() {
  const std::scoped_lock writing(write_mutex_);
  retired_ = true;
  remove_folder(options_.folder);
}

}  // namespace eidetic
