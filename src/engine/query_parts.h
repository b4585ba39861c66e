// What a query is answered with.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "eidetic/backend.h"
#include "eidetic/blobs.h"
#include "eidetic/embedder.h"
#include "eidetic/error.h"
#include "eidetic/image.h"

#include "base/threads.h"
#include "catalog/content_cache.h"
#include "engine/copies.h"
#include "engine/learnt.h"

namespace eidetic {

struct QueryParts {
  Backend& backend;
  const Blobs& blobs;
  DecodeOptions decode;
  ThreadPool& pool;
  ContentCache& features;  // local features of items
  CopyParts copies;
  LearntCache& learnt;
  // The collection's model, which has to make the same vectors as the one of this name, where one is named; asked for
  // when a term needs it or the query names one.
  std::function<Result<std::shared_ptr<const Embedder>>(const std::string& model)> embedder;
};

}  // namespace eidetic
