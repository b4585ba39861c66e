// What OpenSearch and Elasticsearch are asked, and what their answers mean: versions, errors, bulk requests.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "base/json.h"
#include "base/threads.h"
#include "cluster/engine_http.h"

namespace eidetic {

// What of an answer stands there, from the outside in; null where nothing does.
[[nodiscard]] const Json& part_of(const Json& answer, std::initializer_list<std::string_view> names);
// The same as a whole number and as text; 0 and "" for anything else.
[[nodiscard]] std::uint64_t count_in(const Json& answer, std::initializer_list<std::string_view> names);
[[nodiscard]] std::string text_in(const Json& answer, std::initializer_list<std::string_view> names);

struct EngineVersion {
  unsigned major = 0, minor = 0;
  friend auto operator<=>(const EngineVersion&, const EngineVersion&) = default;
};

// The innermost thing that an engine says of a failure: its type, and why.
struct EngineFailure {
  long status = 0;
  std::string type;
  std::string reason;
  // It may be gone the next time.
  [[nodiscard]] bool passes() const;
  [[nodiscard]] bool is_no_index() const { return type == "index_not_found_exception"; }
};
// `answer`: what came with the status, or one part of a bulk answer.
[[nodiscard]] EngineFailure failure_of(long status, const Json& answer);

// What became of one action of a bulk request. `failure` has a status of 2xx where it succeeded.
struct BulkOutcome {
  EngineFailure failure;
  std::string result;  // "created", "updated", "deleted", "noop", "not_found"
  [[nodiscard]] bool ok() const { return failure.status >= 200 && failure.status < 300; }
};

class LuceneClient {
 public:
  // Older ones than `least` are refused.
  LuceneClient(EngineHttp engine, EngineVersion least);

  // Which version answers; asked once, and again while it fails. conflict: another product, or a version that is not
  // known to work.
  [[nodiscard]] Result<EngineVersion> version();

  struct Reply {
    Json body;
    std::optional<EngineFailure> failure = {};
  };
  // Asks, once the version is known to be fine. Failures that were worth another try are errors already.
  [[nodiscard]] Result<Reply> ask(EngineHttp::Call call);
  // The same, with every failure an error. `what` was asked, for the message.
  [[nodiscard]] Result<Json> demand(EngineHttp::Call call, std::string_view what);
  // What a failure is called here.
  [[nodiscard]] Error error_of(const EngineFailure& failure, std::string_view what) const;

  // Actions on one index, as many requests as bulk_bytes makes of them, `parallel` at the same time. `write` appends
  // action i as lines. Refused actions that may pass later are tried again until wait_s is over; the rest are told one
  // by one. `again_after_conflict`: changes that were overtaken are tried again too.
  struct Bulk {
    std::string index;
    std::size_t count = 0;
    std::function<void(std::size_t i, std::string& lines)> write;
    bool again_after_conflict = false;
  };
  [[nodiscard]] Result<std::vector<BulkOutcome>> bulk(const Bulk& bulk);

  [[nodiscard]] const EngineHttp& engine() const noexcept { return engine_; }
  [[nodiscard]] std::string name() const { return engine_.name(); }

 private:
  class BulkRun;
  [[nodiscard]] Result<EngineVersion> ask_version() const;

  EngineHttp engine_;
  EngineVersion least_;
  std::mutex version_mutex_;
  std::optional<EngineVersion> version_;
  ThreadPool pool_;
};

}  // namespace eidetic
