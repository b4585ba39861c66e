#include "cluster/cluster_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/base64.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/check.h"
#include "cluster/engine_http.h"

namespace eidetic {
namespace {

constexpr std::chrono::seconds kKnownFor(1);
constexpr std::chrono::milliseconds kOneSearch(500);  // that goes on as its collection was when it began
constexpr std::chrono::milliseconds kSwitchPoll(50);
constexpr std::int64_t kOrphanAfterMs = std::int64_t{10} * 60 * 1000;
constexpr std::string_view kTablePrefix = "table/";
constexpr std::string_view kAttachmentPrefix = "attachment/";
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;  // of an attachment; base64 makes 4 of 3

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string random_word() {
  thread_local std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string attachment_key(const std::string& table, std::string_view name) {
  return fmt::format("{}{}/{}", kAttachmentPrefix, table, sha256_hex(as_bytes(name)));
}
std::string chunk_key(const std::string& table, const std::string& stamp, std::size_t i) {
  return fmt::format("chunk/{}/{}.{}", table, stamp, i);
}

// The note of an attachment, whose bytes are in notes of their own.
struct AttachmentNote {
  std::string name, stamp;
  std::size_t chunks = 0;

  [[nodiscard]] std::string text() const { return dump_json({{"name", name}, {"stamp", stamp}, {"chunks", chunks}}); }
  static Result<AttachmentNote> parse(const std::string& text) {
    EIDETIC_TRY(const Json json, parse_json_object(text, "an attachment's note"));
    EIDETIC_TRY(auto reader, JsonReader::of(json, "an attachment's note"));
    AttachmentNote made;
    EIDETIC_TRY(made.name, reader.get<std::string>("name"));
    EIDETIC_TRY(made.stamp, reader.get<std::string>("stamp"));
    EIDETIC_TRY(const auto chunks, reader.get<std::int64_t>("chunks"));
    made.chunks = static_cast<std::size_t>(chunks);
    return made;
  }
};

std::unexpected<Error> no_collection(std::string_view name, const std::string& engine) {
  return fail(ErrorCode::not_found, fmt::format("no collection '{}' in {}", name, engine));
}

std::unexpected<Error> space_changes(std::string_view collection) {
  return fail(ErrorCode::unavailable,
              fmt::format("collection '{}' has changed its space meanwhile: do it again", collection));
}

}  // namespace

ClusterBackend::ClusterBackend(std::unique_ptr<DocumentStore> store) : store_(std::move(store)) {}
ClusterBackend::~ClusterBackend() = default;

// --- what is known of collections ---

Result<Descriptor> ClusterBackend::load(std::string_view collection) {
  if (!check_collection_name(collection)) return no_collection(collection, store_->describe());
  EIDETIC_TRY(const auto note, store_->note(descriptor_key(collection)));
  if (!note) {
    forget(collection);
    return no_collection(collection, store_->describe());
  }
  EIDETIC_TRY(auto descriptor, parse_descriptor(collection, *note));
  remember(descriptor);
  return descriptor;
}

Result<Descriptor> ClusterBackend::known(std::string_view collection) {
  {
    const std::scoped_lock lock(known_mutex_);
    const auto found = known_.find(collection);
    if (found != known_.end() && Clock::now() - found->second.as_of < kKnownFor) return found->second.descriptor;
  }
  return load(collection);
}

void ClusterBackend::remember(const Descriptor& descriptor) {
  const std::scoped_lock lock(known_mutex_);
  known_.insert_or_assign(descriptor.spec.name, Known{.descriptor = descriptor, .as_of = Clock::now()});
}

void ClusterBackend::let_others_hear() { std::this_thread::sleep_for(kKnownFor + kOneSearch); }

void ClusterBackend::forget(std::string_view collection) {
  if (is_other_space(collection)) collection.remove_prefix(kOtherPrefix.size());
  const std::scoped_lock lock(known_mutex_);
  if (const auto found = known_.find(collection); found != known_.end()) known_.erase(found);
}

Result<ClusterBackend::View> ClusterBackend::view(std::string_view name) {
  const bool other = is_other_space(name);
  EIDETIC_TRY(auto descriptor, known(other ? name.substr(kOtherPrefix.size()) : name));
  if (other && !descriptor.other) return no_collection(name, store_->describe());
  View made{.descriptor = std::move(descriptor), .field = {}, .other = other};
  made.field = other ? made.descriptor.beside() : made.descriptor.searched();
  if (other) made.descriptor.spec.space = made.field.space;
  made.descriptor.spec.name = name;
  return made;
}

Result<Descriptor> ClusterBackend::writable(std::string_view collection) {
  std::optional<std::uint64_t> era;
  {
    const std::scoped_lock lock(known_mutex_);
    if (const auto found = known_.find(collection); found != known_.end()) era = found->second.descriptor.spec.era;
  }
  for (;;) {
    EIDETIC_TRY(auto descriptor, load(collection));
    if (era && *era != descriptor.spec.era) return space_changes(collection);
    if (descriptor.switching_until_ms <= now_ms()) return descriptor;
    std::this_thread::sleep_for(kSwitchPoll);
  }
}

Result<void> ClusterBackend::still(const Descriptor& before) {
  EIDETIC_TRY(const auto now, load(before.spec.name));
  const bool same = now.table == before.table && now.spec.era == before.spec.era && now.field == before.field &&
                    now.switching_until_ms <= now_ms();
  return same ? Result<void>() : space_changes(before.spec.name);
}

Result<Descriptor> ClusterBackend::change(std::string_view collection,
                                          const std::function<Result<void>(Descriptor&)>& edit) {
  for (unsigned tries = 0;; ++tries) {
    EIDETIC_TRY(auto descriptor, load(collection));
    EIDETIC_CHECK(edit(descriptor));
    EIDETIC_TRY(auto revision,
                store_->write_note(descriptor_key(collection), to_text(descriptor), descriptor.revision));
    if (revision) {
      descriptor.revision = *std::move(revision);
      remember(descriptor);
      return descriptor;
    }
    std::this_thread::sleep_for(jittered(tries, std::chrono::milliseconds(5), std::chrono::milliseconds(500)));
  }
}

// --- tables ---

Result<std::string> ClusterBackend::make_table(std::string_view collection, const VectorField& field) {
  const std::string table = fmt::format("{}-{}", collection, random_word());
  const std::string noted = dump_json({{"collection", collection}, {"created_ms", now_ms()}});
  EIDETIC_CHECK(store_->write_note(fmt::format("{}{}", kTablePrefix, table), noted, std::nullopt));
  if (auto created = store_->create_table(table, field); !created) {
    if (const auto dropped = drop_table(table); !dropped) log(LogLevel::warning, "{}", dropped.error().message);
    return std::unexpected(std::move(created).error());
  }
  return table;
}

Result<void> ClusterBackend::drop_table(const std::string& table) {
  EIDETIC_CHECK(store_->drop_table(table));
  for (const auto prefix : {kAttachmentPrefix, std::string_view("chunk/")}) {
    EIDETIC_TRY(const auto keys, store_->notes(fmt::format("{}{}/", prefix, table)));
    for (const auto& key : keys) EIDETIC_CHECK(store_->erase_note(key));
  }
  EIDETIC_CHECK(store_->erase_note(fmt::format("{}{}", kTablePrefix, table)));
  const std::scoped_lock lock(freshness_mutex_);
  freshness_.erase(table);
  return {};
}

Result<void> ClusterBackend::drop_tables(const Descriptor& descriptor) {
  EIDETIC_CHECK(drop_table(descriptor.table));
  return descriptor.parts ? drop_table(descriptor.parts->table) : Result<void>();
}

void ClusterBackend::sweep_tables() {
  const auto swept = [this]() -> Result<void> {
    EIDETIC_TRY(const auto keys, store_->notes(kTablePrefix));
    for (const auto& key : keys) {
      EIDETIC_TRY(const auto note, store_->note(key));
      if (!note) continue;
      EIDETIC_TRY(const Json json, parse_json_object(note->text, key));
      EIDETIC_TRY(auto reader, JsonReader::of(json, key));
      EIDETIC_TRY(const auto collection, reader.get<std::string>("collection"));
      EIDETIC_TRY(const auto created_ms, reader.get<std::int64_t>("created_ms"));
      if (created_ms > now_ms() - kOrphanAfterMs) continue;
      const std::string table = key.substr(kTablePrefix.size());
      EIDETIC_TRY(const auto owner, store_->note(descriptor_key(collection)));
      if (owner && owner->text.contains(fmt::format("\"{}\"", table))) continue;
      log(LogLevel::info, "{}: table '{}' belongs to no collection and is dropped", store_->describe(), table);
      EIDETIC_CHECK(drop_table(table));
    }
    return {};
  };
  if (const auto done = swept(); !done) log(LogLevel::warning, "left-over tables stay: {}", done.error().message);
}

void ClusterBackend::wrote(const std::string& table) {
  const std::scoped_lock lock(freshness_mutex_);
  auto& freshness = freshness_[table];
  if (!freshness) freshness = std::make_shared<Freshness>();
  ++freshness->written;
}

Result<void> ClusterBackend::refresh(const std::string& table) {
  std::shared_ptr<Freshness> freshness;
  {
    const std::scoped_lock lock(freshness_mutex_);
    auto& known = freshness_[table];
    if (!known) known = std::make_shared<Freshness>();
    freshness = known;
  }
  const std::uint64_t wanted = freshness->written;
  if (freshness->refreshed >= wanted) return {};
  // One refresh serves all that wait for it.
  const std::scoped_lock lock(freshness->refreshing);
  if (freshness->refreshed >= wanted) return {};
  const std::uint64_t covered = freshness->written;
  EIDETIC_CHECK(store_->refresh(table));
  freshness->refreshed = covered;
  return {};
}

std::uint64_t ClusterBackend::next_version(std::size_t count) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  const std::scoped_lock lock(version_mutex_);
  const auto first = std::max(ns, last_version_ + 1);
  last_version_ = first + count;
  return first;
}

// --- collections ---

Result<void> ClusterBackend::create(const CollectionSpec& spec) {
  EIDETIC_CHECK(check_collection_name(spec.name));
  EIDETIC_CHECK(check_spec(spec));
  Descriptor descriptor;
  descriptor.spec = spec;
  descriptor.spec.era = 0;
  EIDETIC_TRY(descriptor.spec.index, store_->check_index(spec.index, spec.space));
  const auto taken = [&] {
    return fail(ErrorCode::already_exists,
                fmt::format("there is a collection '{}' already in {}", spec.name, store_->describe()));
  };
  EIDETIC_TRY(const auto there, store_->note(descriptor_key(spec.name)));
  if (there) return taken();
  descriptor.created_ms = now_ms();
  EIDETIC_TRY(descriptor.table, make_table(spec.name, descriptor.searched()));
  auto written = store_->write_note(descriptor_key(spec.name), to_text(descriptor), std::nullopt);
  if (!written) return std::unexpected(std::move(written).error());
  if (!*written) {
    EIDETIC_CHECK(drop_table(descriptor.table));
    return taken();
  }
  descriptor.revision = **std::move(written);
  remember(descriptor);
  return {};
}

Result<void> ClusterBackend::drop(std::string_view collection) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  EIDETIC_CHECK(store_->erase_note(descriptor_key(collection)));
  forget(collection);
  EIDETIC_CHECK(drop_tables(descriptor));
  sweep_tables();
  return {};
}

Result<std::vector<CollectionInfo>> ClusterBackend::list() {
  EIDETIC_TRY(const auto keys, store_->notes(kDescriptorPrefix));
  std::vector<CollectionInfo> infos;
  for (const auto& key : keys) {
    auto info = describe(std::string_view(key).substr(kDescriptorPrefix.size()));
    if (info) {
      infos.push_back(*std::move(info));
    } else if (info.error().code != ErrorCode::not_found) {  // else dropped meanwhile
      return std::unexpected(std::move(info).error());
    }
  }
  return infos;
}

Result<CollectionInfo> ClusterBackend::describe(std::string_view collection) {
  return in_view(collection, [&](const View& view) -> Result<CollectionInfo> {
    const auto& descriptor = view.descriptor;
    EIDETIC_CHECK(refresh(descriptor.table));
    EIDETIC_TRY(auto table, store_->info(descriptor.table, view.field));
    CollectionInfo info;
    info.spec = descriptor.spec;
    info.items = table.items;
    if (view.other) {
      EIDETIC_TRY(info.items, store_->count(descriptor.table, {}, &view.field));
    }
    info.sequence = table.sequence;
    info.index_kind = std::move(table.kind);
    info.index_note = std::move(table.note);
    info.memory_bytes = table.memory_bytes;
    info.disk_bytes = table.disk_bytes;
    info.created_ms = descriptor.created_ms;
    if (!descriptor.parts) return info;
    EIDETIC_CHECK(refresh(descriptor.parts->table));
    EIDETIC_TRY(const auto parts, store_->info(descriptor.parts->table, view.field));
    info.parts = parts.items;
    info.memory_bytes += parts.memory_bytes;
    info.disk_bytes += parts.disk_bytes;
    return info;
  });
}

Result<CollectionSpec> ClusterBackend::spec(std::string_view collection) {
  EIDETIC_TRY(auto found, view(collection));
  return std::move(found.descriptor.spec);
}

Result<void> ClusterBackend::configure(std::string_view collection, const EditSettings& edit) {
  EIDETIC_CHECK(change(collection, [&](Descriptor& descriptor) { return edit_settings(descriptor, edit); }));
  return {};
}

// --- attachments: bytes first, then the note that names them, so that a reader finds the one content or the other ---

Result<void> ClusterBackend::attach(std::string_view collection, std::string_view name,
                                    std::span<const std::byte> content) {
  if (content.size() > kMaxAttachmentBytes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("attachment '{}' of collection '{}' has {}; at most {} are "
                            "possible",
                            name, collection, human_bytes(content.size()), human_bytes(kMaxAttachmentBytes)));
  }
  EIDETIC_TRY(const auto descriptor, load(collection));
  const auto& table = descriptor.table;
  const std::string key = attachment_key(table, name);
  AttachmentNote fresh{.name = std::string(name), .stamp = random_word()};
  for (std::size_t at = 0; at < content.size(); at += kChunkBytes, ++fresh.chunks) {
    const auto piece = content.subspan(at, std::min(kChunkBytes, content.size() - at));
    EIDETIC_CHECK(store_->write_note(chunk_key(table, fresh.stamp, fresh.chunks), encode_base64(piece), std::nullopt));
  }
  for (;;) {
    EIDETIC_TRY(const auto before, store_->note(key));
    if (content.empty()) {
      EIDETIC_CHECK(store_->erase_note(key));
    } else {
      const auto revision = before ? std::optional(before->revision) : std::nullopt;
      EIDETIC_TRY(const auto written, store_->write_note(key, fresh.text(), revision));
      if (!written) continue;
    }
    if (!before) return {};
    EIDETIC_TRY(const auto old, AttachmentNote::parse(before->text));
    for (std::size_t i = 0; i < old.chunks; ++i) EIDETIC_CHECK(store_->erase_note(chunk_key(table, old.stamp, i)));
    return {};
  }
}

Result<std::optional<std::vector<std::byte>>> ClusterBackend::attachment(std::string_view collection,
                                                                         std::string_view name) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  std::string last_stamp;
  for (;;) {
    EIDETIC_TRY(const auto note, store_->note(attachment_key(descriptor.table, name)));
    if (!note) return std::nullopt;
    EIDETIC_TRY(const auto head, AttachmentNote::parse(note->text));
    std::vector<std::byte> content;
    bool whole = true;
    for (std::size_t i = 0; i < head.chunks && whole; ++i) {
      EIDETIC_TRY(const auto chunk, store_->note(chunk_key(descriptor.table, head.stamp, i)));
      whole = chunk.has_value();
      if (!whole) break;
      EIDETIC_TRY(const auto bytes, decode_base64(chunk->text));
      content.insert(content.end(), bytes.begin(), bytes.end());
    }
    if (whole) return content;
    if (head.stamp == last_stamp) {
      return fail(ErrorCode::corrupt, fmt::format("attachment '{}' of collection '{}' is not whole", name, collection));
    }
    last_stamp = head.stamp;  // it was replaced meanwhile
  }
}

Result<std::vector<std::string>> ClusterBackend::attachments(std::string_view collection) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  EIDETIC_TRY(const auto keys, store_->notes(fmt::format("{}{}/", kAttachmentPrefix, descriptor.table)));
  std::vector<std::string> names;
  for (const auto& key : keys) {
    EIDETIC_TRY(const auto note, store_->note(key));
    if (!note) continue;
    EIDETIC_TRY(auto head, AttachmentNote::parse(note->text));
    names.push_back(std::move(head.name));
  }
  std::ranges::sort(names);
  return names;
}

// --- the whole ---

Result<void> ClusterBackend::flush() { return {}; }

Result<void> ClusterBackend::backup(const std::filesystem::path& /*folder*/) {
  return fail(ErrorCode::unsupported,
              fmt::format("collections in {} are not on this machine: use the engine's own snapshots, or eidetic "
                          "collections export",
                          store_->describe()));
}

}  // namespace eidetic
