// Qdrant's REST API (1.18): what is asked of it, and what its refusals are called.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "eidetic/error.h"

#include "base/json.h"
#include "base/threads.h"
#include "cluster/engine_http.h"

namespace eidetic {

// Of answers, which may be anything: null and "" where there is nothing of that kind.
[[nodiscard]] const Json& qdrant_at(const Json& object, std::string_view key);
[[nodiscard]] std::string qdrant_text(const Json& object, std::string_view key);
[[nodiscard]] std::uint64_t qdrant_number(const Json& object, std::string_view key);
// Nothing but that it worked.
[[nodiscard]] inline Result<void> qdrant_done(const Result<Json>& answer) {
  return answer ? Result<void>() : std::unexpected(answer.error());
}

// Thread-safe. Errors beside those of EngineHttp name Qdrant and what it said: not_found (no such collection or point),
// conflict (no Qdrant, one that is too old, or a request that it does not take), overloaded (too large for it).
class QdrantClient {
 public:
  explicit QdrantClient(EngineHttp engine);

  [[nodiscard]] std::string name() const { return engine_.name(); }
  [[nodiscard]] const ClusterAddress& address() const noexcept { return engine_.address(); }
  [[nodiscard]] const ClusterOptions& options() const noexcept { return engine_.options(); }

  // Each gives the "result" of the answer; bodies are JSON. Paths: "/collections/x/points".
  // What a collection is, and which there are.
  [[nodiscard]] Result<Json> look(const std::string& path) { return ask("GET", path, "", EngineHttp::Patience::read); }
  // Points, as a majority of their copies has them.
  [[nodiscard]] Result<Json> read(const std::string& path, std::string body);
  // Points, in one order for all copies; they are found when it returns.
  [[nodiscard]] Result<Json> write(std::string_view method, const std::string& path, std::string body);
  // Collections and what they consist of.
  [[nodiscard]] Result<Json> shape(std::string_view method, const std::string& path, std::string body);

  // Runs work(i) for all i below count, as many at a time as the options say. The first error, by i.
  [[nodiscard]] Result<void> each(std::size_t count, const std::function<Result<void>(std::size_t)>& work);

 private:
  [[nodiscard]] Result<Json> ask(std::string_view method, const std::string& path, std::string body,
                                 EngineHttp::Patience patience);
  // Once, at the first request: that it is Qdrant, of a version that is known.
  [[nodiscard]] Result<void> greet();

  EngineHttp engine_;
  std::atomic<bool> greeted_ = false;
  ThreadPool pool_;
};

}  // namespace eidetic
