// Many small writes as few requests, each tried again until it is done or refused for good.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "base/text.h"
#include "cluster/lucene_client.h"

namespace eidetic {
namespace {

using Clock = std::chrono::steady_clock;

// Of one action; what engines take by default (http.max_content_length).
constexpr std::size_t kMaxActionBytes = 100'000'000;

// Actions that were written into one request.
struct Request {
  std::vector<std::size_t> actions;
  std::vector<std::size_t> begins;  // of the lines of each
  std::string lines;

  void add(std::size_t action, std::string_view text) {
    actions.push_back(action);
    begins.push_back(lines.size());
    lines += text;
  }
  [[nodiscard]] std::string_view text(std::size_t place) const {
    const std::size_t end = place + 1 < begins.size() ? begins[place + 1] : lines.size();
    return std::string_view(lines).substr(begins[place], end - begins[place]);
  }
  [[nodiscard]] Request some(std::size_t first, std::size_t last) const {
    Request made;
    for (std::size_t place = first; place < last; ++place) made.add(actions[place], text(place));
    return made;
  }
};

}  // namespace

// One call of bulk().
class LuceneClient::BulkRun {
 public:
  BulkRun(const LuceneClient& client, const Bulk& bulk)
      : client_(client), bulk_(bulk), outcomes_(bulk.count), until_(deadline(client.engine_.options().wait_s)) {}

  Result<std::vector<BulkOutcome>> run(ThreadPool& pool) {
    const unsigned parallel = client_.engine_.options().parallel;
    auto first = next();
    if (!first) return std::move(outcomes_);
    if (next_ == bulk_.count || parallel <= 1) {
      work(std::move(first));
    } else {
      pool.parallel_for(parallel, [&](std::size_t worker) { work(worker == 0 ? std::move(first) : next()); });
    }
    if (error_) return std::unexpected(*std::move(error_));
    return std::move(outcomes_);
  }

 private:
  static Clock::time_point deadline(double wait_s) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait_s));
  }

  // The next request; nullopt: all were made, or one has failed.
  std::optional<Request> next() {
    const std::scoped_lock lock(mutex_);
    Request made;
    std::string action;
    while (!error_ && next_ < bulk_.count && made.lines.size() < client_.engine_.options().bulk_bytes) {
      action.clear();
      bulk_.write(next_, action);
      if (action.size() > kMaxActionBytes) {
        outcomes_[next_].failure = too_large(action.size());
      } else {
        made.add(next_, action);
      }
      ++next_;
    }
    return error_ || made.actions.empty() ? std::nullopt : std::optional(std::move(made));
  }
  static EngineFailure too_large(std::size_t bytes) {
    return {.status = 413,
            .type = "content_too_long",
            .reason = fmt::format("an item of {} is more than it takes at once (http.max_content_length)",
                                  human_bytes(bytes))};
  }

  void work(std::optional<Request> request) {
    while (request) {
      if (auto sent = send(*std::move(request)); !sent) {
        const std::scoped_lock lock(mutex_);
        if (!error_) error_ = std::move(sent).error();
        return;
      }
      request = next();
    }
  }

  Result<void> send(Request request) {
    for (unsigned tries = 0; !request.actions.empty(); ++tries) {
      EIDETIC_TRY(const auto answer,
                  client_.engine_.exchange({.method = "POST",
                                            .path = fmt::format("/{}/_bulk?require_alias=true&timeout=10s&filter_path="
                                                                "items.*.status,items.*.error,items.*.result",
                                                                bulk_.index),
                                            .body = request.lines,
                                            .content_type = "application/x-ndjson",
                                            .patience = EngineHttp::Patience::write}));
      if (answer.status == 413) return send_less(request);
      Request again;
      EngineFailure last;
      if (answer.ok()) {
        EIDETIC_CHECK(take(request, answer.body, again, last));
      } else {
        last = failure_of(answer.status, answer.body);
        if (!last.passes()) return std::unexpected(client_.error_of(last, "a bulk write"));
        again = std::move(request);
      }
      if (!again.actions.empty() && Clock::now() > until_) {
        return std::unexpected(client_.error_of(last, fmt::format("{} writes are refused", again.actions.size())));
      }
      if (!again.actions.empty()) std::this_thread::sleep_for(jittered(tries));
      request = std::move(again);
    }
    return {};
  }

  Result<void> send_less(const Request& request) {
    const std::size_t count = request.actions.size();
    if (count == 1) {
      outcomes_[request.actions.front()].failure = too_large(request.lines.size());
      return {};
    }
    EIDETIC_CHECK(send(request.some(0, count / 2)));
    return send(request.some(count / 2, count));
  }

  // Notes what became of each; what has to be done again goes into `again`.
  Result<void> take(const Request& request, const Json& answer, Request& again, EngineFailure& last) {
    const Json& items = part_of(answer, {"items"});
    if (!items.is_array() || items.size() != request.actions.size()) {
      return fail(ErrorCode::unreachable, fmt::format("{} answered a bulk write with something else", client_.name()));
    }
    for (std::size_t place = 0; place < request.actions.size(); ++place) {
      if (!items[place].is_object() || items[place].empty()) continue;  // without a status it counts as failed
      const Json& told = items[place].front();
      BulkOutcome& outcome = outcomes_[request.actions[place]];
      outcome.failure = failure_of(static_cast<long>(count_in(told, {"status"})), told);
      outcome.result = text_in(told, {"result"});
      if (outcome.ok()) continue;
      if (outcome.failure.is_no_index()) return std::unexpected(client_.error_of(outcome.failure, "a bulk write"));
      const bool overtaken = outcome.failure.status == 409 && bulk_.again_after_conflict;
      if (!outcome.failure.passes() && !overtaken) continue;
      last = outcome.failure;
      again.add(request.actions[place], request.text(place));
    }
    return {};
  }

  const LuceneClient& client_;
  const Bulk& bulk_;
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::vector<BulkOutcome> outcomes_;  // each written by the one who has its action
  std::optional<Error> error_;
  const Clock::time_point until_;
};

Result<std::vector<BulkOutcome>> LuceneClient::bulk(const Bulk& bulk) {
  EIDETIC_CHECK(version());
  return BulkRun(*this, bulk).run(pool_);
}

}  // namespace eidetic
