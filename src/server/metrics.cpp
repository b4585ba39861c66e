#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 8> kMethods = {"GET",    "POST", "PUT",     "PATCH",
                                                      "DELETE", "HEAD", "OPTIONS", "other"};
// Those that HTTP servers answer with; "other" is the last place beyond.
constexpr std::array<unsigned, 30> kStatuses = {200, 201, 202, 204, 206, 301, 302, 304, 307, 308,
                                                400, 401, 403, 404, 405, 408, 409, 410, 411, 413,
                                                414, 415, 417, 422, 429, 431, 500, 501, 503, 505};

const prometheus::Histogram::BucketBoundaries kRequestBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                                 0.25,  0.5,    1,     2.5,  5,     10,   30};
const prometheus::Histogram::BucketBoundaries kStageBuckets = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                               0.01,    0.025,  0.05,    0.1,    0.25,  1,      5};

using Labels = std::map<std::string, std::string>;

// --- counted ---

class Route final : public RouteMetrics {
 public:
  Route(std::string_view name, prometheus::Family<prometheus::Counter>& requests, prometheus::Histogram& seconds)
      : name_(name), requests_(requests), seconds_(seconds) {}

  void observe(std::string_view method, unsigned status, double seconds) noexcept override {
    const auto row =
        static_cast<std::size_t>(std::ranges::find(kMethods.begin(), kMethods.end() - 1, method) - kMethods.begin());
    const auto column = static_cast<std::size_t>(std::ranges::find(kStatuses, status) - kStatuses.begin());
    counter(row, column).Increment();
    seconds_.Observe(seconds);
  }

 private:
  // A counter appears with its first request: most pairs of method and status never do.
  prometheus::Counter& counter(std::size_t row, std::size_t column) {
    auto& place = counters_[row][column];
    if (auto* known = place.load(std::memory_order_acquire)) return *known;
    const std::string status = column < kStatuses.size() ? std::to_string(kStatuses[column]) : "other";
    // The family locks, and gives the same counter to whoever asks for the same labels.
    auto& made = requests_.Add({{"route", name_}, {"method", std::string(kMethods[row])}, {"status", status}});
    place.store(&made, std::memory_order_release);
    return made;
  }

  std::string name_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Histogram& seconds_;
  std::array<std::array<std::atomic<prometheus::Counter*>, kStatuses.size() + 1>, kMethods.size()> counters_{};
};

// --- asked for ---

struct Sample {
  Labels labels;
  double value = 0;
};

prometheus::MetricFamily family_of(std::string name, std::string help, const std::vector<Sample>& samples,
                                   prometheus::MetricType type = prometheus::MetricType::Gauge) {
  prometheus::MetricFamily family{std::move(name), std::move(help), type, {}};
  for (const Sample& sample : samples) {
    prometheus::ClientMetric metric;
    for (const auto& [label, value] : sample.labels) metric.label.push_back({label, value});
    (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = sample.value;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

template <typename T, typename Value>
std::vector<Sample> samples_of(const std::vector<T>& parts, const std::string& label, std::string T::* name,
                               Value T::* value) {
  std::vector<Sample> samples;
  for (const T& part : parts) samples.push_back({{{label, part.*name}}, static_cast<double>(part.*value)});
  return samples;
}

void add_snapshot(std::vector<prometheus::MetricFamily>& families, const MetricsSnapshot& snapshot) {
  using Queue = MetricsSnapshot::Queue;
  using Jobs = MetricsSnapshot::Jobs;
  using Collection = MetricsSnapshot::Collection;
  const auto add = [&](std::string name, std::string help, const std::vector<Sample>& samples) {
    families.push_back(family_of(std::move(name), std::move(help), samples));
  };
  const auto of_collections = [&](std::uint64_t Collection::* value) {
    return samples_of(snapshot.collections, "collection", &Collection::name, value);
  };
  add("eidetic_http_connections", "Open connections", {{{}, static_cast<double>(snapshot.connections)}});
  add("eidetic_queue_depth", "Requests that wait for a thread",
      samples_of(snapshot.queues, "queue", &Queue::name, &Queue::depth));
  add("eidetic_queue_capacity", "Requests that may wait for a thread",
      samples_of(snapshot.queues, "queue", &Queue::name, &Queue::capacity));
  add("eidetic_jobs", "Jobs, the ended ones as long as they are remembered",
      samples_of(snapshot.jobs, "state", &Jobs::state, &Jobs::count));
  add("eidetic_collection_items", "Items of a collection", of_collections(&Collection::items));
  add("eidetic_collection_memory_bytes", "Memory of a collection's index", of_collections(&Collection::memory_bytes));
  add("eidetic_collection_disk_bytes", "Disk of a collection's index", of_collections(&Collection::disk_bytes));
}

// --- the process ---

// The fields of /proc/self/stat behind the program's name, which may itself hold blanks and brackets.
std::vector<std::string> process_stat() {
  std::ifstream file("/proc/self/stat");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::vector<std::string> fields;
  for (const auto field : split(text.substr(std::min(text.rfind(')') + 1, text.size())), ' ')) {
    if (!field.empty()) fields.emplace_back(field);
  }
  return fields;
}

double start_time_s() {
  constexpr std::size_t kStartTime = 19;  // field 22 of proc(5), counted from the one behind the name
  const auto fields = process_stat();
  std::ifstream file("/proc/stat");
  double booted = 0;
  for (std::string word; file >> word;) {
    if (word == "btime") file >> booted;
  }
  if (fields.size() <= kStartTime) return booted;
  return booted + std::strtod(fields[kStartTime].c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  return error ? 0
               : static_cast<double>(std::distance(begin(entries), end(entries))) - 1;  // without the one of this look
}

void add_process(std::vector<prometheus::MetricFamily>& families, double started_s) {
  const auto add = [&](std::string name, std::string help, double value,
                       prometheus::MetricType type = prometheus::MetricType::Gauge) {
    families.push_back(family_of(std::move(name), std::move(help), {{{}, value}}, type));
  };
  add("process_resident_memory_bytes", "Resident memory", resident_bytes());
  add("process_cpu_seconds_total", "Time on processors", cpu_seconds(), prometheus::MetricType::Counter);
  add("process_open_fds", "Open file descriptors", open_descriptors());
  add("process_start_time_seconds", "Start of the process, seconds since 1970", started_s);
}

}  // namespace

std::string_view to_string(Rejection reason) noexcept {
  switch (reason) {
    case Rejection::connections: return "connections";
    case Rejection::client_connections: return "client_connections";
    case Rejection::rate: return "rate";
    case Rejection::queue_full: return "queue_full";
    case Rejection::too_large: return "too_large";
    case Rejection::timeout: return "timeout";
    case Rejection::malformed: return "malformed";
    case Rejection::unauthorized: return "unauthorized";
  }
  return "";
}

std::string_view to_string(RequestStage stage) noexcept {
  switch (stage) {
    case RequestStage::read: return "read";
    case RequestStage::decode: return "decode";
    case RequestStage::preprocess: return "preprocess";
    case RequestStage::inference: return "inference";
    case RequestStage::search: return "search";
  }
  return "";
}

struct Metrics::State {
  static constexpr std::size_t kReasons = static_cast<std::size_t>(Rejection::unauthorized) + 1;
  static constexpr std::size_t kStages = static_cast<std::size_t>(RequestStage::search) + 1;

  explicit State(std::string_view running) : version(running), started_s(start_time_s()) {
    for (std::size_t i = 0; i < kReasons; ++i) {
      rejected[i] = &rejections.Add({{"reason", std::string(to_string(static_cast<Rejection>(i)))}});
    }
    for (std::size_t i = 0; i < kStages; ++i) {
      stage[i] = &stages.Add({{"stage", std::string(to_string(static_cast<RequestStage>(i)))}}, kStageBuckets);
    }
  }

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter().Name("eidetic_http_requests_total").Help("Answered requests").Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds =
      prometheus::BuildHistogram().Name("eidetic_http_request_seconds").Help("Time to an answer").Register(registry);
  prometheus::Family<prometheus::Counter>& rejections = prometheus::BuildCounter()
                                                            .Name("eidetic_http_rejected_total")
                                                            .Help("Requests and connections turned away")
                                                            .Register(registry);
  prometheus::Family<prometheus::Histogram>& stages = prometheus::BuildHistogram()
                                                          .Name("eidetic_stage_seconds")
                                                          .Help("Time of the parts of a request")
                                                          .Register(registry);
  std::array<prometheus::Counter*, kReasons> rejected{};
  std::array<prometheus::Histogram*, kStages> stage{};
  std::string version;
  double started_s;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Route>, std::less<>> routes;  // guarded by mutex
};

Metrics::Metrics(std::string_view version) : state_(std::make_unique<State>(version)) {}
Metrics::Metrics(Metrics&&) noexcept = default;
Metrics& Metrics::operator=(Metrics&&) noexcept = default;
Metrics::~Metrics() = default;

RouteMetrics& Metrics::route(std::string_view name) {
  const std::scoped_lock lock(state_->mutex);
  const auto known = state_->routes.find(name);
  if (known != state_->routes.end()) return *known->second;
  auto& seconds = state_->seconds.Add({{"route", std::string(name)}}, kRequestBuckets);
  auto route = std::make_unique<Route>(name, state_->requests, seconds);
  return *state_->routes.emplace(name, std::move(route)).first->second;
}

void Metrics::reject(Rejection reason) noexcept { state_->rejected[static_cast<std::size_t>(reason)]->Increment(); }

void Metrics::observe(RequestStage stage, double seconds) noexcept {
  state_->stage[static_cast<std::size_t>(stage)]->Observe(seconds);
}

std::string Metrics::text(const MetricsSnapshot& snapshot) const {
  auto families = state_->registry.Collect();
  add_snapshot(families, snapshot);
  add_process(families, state_->started_s);
  families.push_back(family_of("eidetic_build_info", "The version that runs", {{{{"version", state_->version}}, 1}}));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace eidetic
