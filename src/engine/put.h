// Engine::put: pictures and vectors into a collection, one by one as callers have them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/blobs.h"
#include "eidetic/embedder.h"
#include "eidetic/engine.h"

#include "base/threads.h"
#include "catalog/picture_store.h"
#include "engine/copies.h"
#include "engine/learnt.h"
#include "engine/regions.h"

namespace eidetic {

struct PutParts {
  Backend& backend;
  const Blobs& blobs;
  PictureStore& pictures;
  ThreadPool& pool;
  DecodeOptions decode;
  std::mutex& writing;  // held from looking at what is stored to the commit, never while reading or embedding
  // The collection's model; only asked for when an item needs it.
  std::function<Result<std::shared_ptr<const Embedder>>()> embedder;
  std::function<Result<ItemClasses>()> classes;  // that items have, as of now
  std::function<Result<RegionPlan>()> regions;   // that pictures have, as of now
  OnDuplicate on_duplicate = OnDuplicate::store;
  std::optional<CopyParts> copies = {};  // unless copies are stored unseen
};

// One result an item, in order. Pictures are stored before the items that name them, which come in one transaction; of
// several items with one id the last good one is stored.
[[nodiscard]] Result<std::vector<Result<PutResult>>> put_items(const PutParts& parts, const CollectionSpec& collection,
                                                               std::span<const NewItem> items);

// Milliseconds since 1970.
[[nodiscard]] std::int64_t now_ms();

}  // namespace eidetic
