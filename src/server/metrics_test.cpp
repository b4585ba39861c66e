#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "base/file.h"

namespace eidetic {
namespace {

// The text format, read strictly: names and labels as keys, and every sample below the type of its family.
std::map<std::string, double> samples_of(const std::string& text) {
  static const std::regex kComment("# (HELP|TYPE) ([a-z_]+) (.+)");
  static const std::regex kSample(R"re(([a-z_]+)(\{([a-z]+="(\\.|[^"\\])*",?)*\})? ([-+0-9.eEInf]+))re");
  std::map<std::string, double> samples;
  std::set<std::string> types;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kComment)) {
      family = match[2];
      if (match[1] == "TYPE") EXPECT_TRUE(types.insert(family).second) << "two families of " << family;
    } else if (std::regex_match(line, match, kSample)) {
      EXPECT_TRUE(match[1].str().starts_with(family) && types.contains(family)) << line;
      EXPECT_TRUE(samples.emplace(match[1].str() + match[2].str(), std::stod(match[5])).second) << line;
    } else {
      ADD_FAILURE() << "no line of the format: " << line;
    }
  }
  return samples;
}

TEST(Metrics, CountRequestsByRouteMethodAndStatus) {
  Metrics metrics("1.2.3");
  RouteMetrics& route = metrics.route("/v1/collections/{collection}");
  route.observe("GET", 200, 0.003);
  route.observe("GET", 200, 0.2);
  route.observe("BREW", 418, 100);
  EXPECT_EQ(&metrics.route("/v1/collections/{collection}"), &route);
  const auto samples = samples_of(metrics.text({}));
  const std::string name = "/v1/collections/{collection}";
  EXPECT_EQ(samples.at("eidetic_http_requests_total{method=\"GET\",route=\"" + name + "\",status=\"200\"}"), 2);
  EXPECT_EQ(samples.at("eidetic_http_requests_total{method=\"other\",route=\"" + name + "\",status=\"other\"}"), 1);
  EXPECT_EQ(samples.at("eidetic_http_request_seconds_count{route=\"" + name + "\"}"), 3);
  EXPECT_NEAR(samples.at("eidetic_http_request_seconds_sum{route=\"" + name + "\"}"), 100.203, 1e-6);
  EXPECT_EQ(samples.at("eidetic_http_request_seconds_bucket{route=\"" + name + "\",le=\"0.005\"}"), 1);
  EXPECT_EQ(samples.at("eidetic_http_request_seconds_bucket{route=\"" + name + "\",le=\"+Inf\"}"), 3);
}

TEST(Metrics, CountRejectionsAndStages) {
  Metrics metrics("1");
  metrics.reject(Rejection::queue_full);
  metrics.observe(RequestStage::inference, 0.01);
  const auto samples = samples_of(metrics.text({}));
  EXPECT_EQ(samples.at("eidetic_http_rejected_total{reason=\"queue_full\"}"), 1);
  EXPECT_EQ(samples.at("eidetic_http_rejected_total{reason=\"rate\"}"), 0);
  EXPECT_EQ(samples.at("eidetic_stage_seconds_count{stage=\"inference\"}"), 1);
  EXPECT_EQ(samples.at("eidetic_stage_seconds_count{stage=\"read\"}"), 0);
}

TEST(Metrics, ShowTheSnapshotAndForgetIt) {
  const Metrics metrics("1");
  const MetricsSnapshot snapshot = {.connections = 3,
                                    .queues = {{"search", 1, 256}, {"write", 2, 128}},
                                    .jobs = {{"queued", 4}},
                                    .collections = {{"sh\"oes\n", 12'345'678'901, 5, 6}}};
  const auto samples = samples_of(metrics.text(snapshot));
  EXPECT_EQ(samples.at("eidetic_http_connections"), 3);
  EXPECT_EQ(samples.at("eidetic_queue_depth{queue=\"write\"}"), 2);
  EXPECT_EQ(samples.at("eidetic_queue_capacity{queue=\"search\"}"), 256);
  EXPECT_EQ(samples.at("eidetic_jobs{state=\"queued\"}"), 4);
  EXPECT_EQ(samples.at("eidetic_collection_items{collection=\"sh\\\"oes\\n\"}"), 12'345'678'901);
  EXPECT_EQ(samples.at("eidetic_collection_memory_bytes{collection=\"sh\\\"oes\\n\"}"), 5);
  EXPECT_EQ(samples.at("eidetic_collection_disk_bytes{collection=\"sh\\\"oes\\n\"}"), 6);
  for (const auto& [name, value] : samples_of(metrics.text({}))) {
    EXPECT_FALSE(name.starts_with("eidetic_collection")) << name;
  }
}

TEST(Metrics, KnowTheProcess) {
  const Metrics metrics("1.2.3");
  const auto samples = samples_of(metrics.text({}));
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_EQ(samples.at("eidetic_build_info{version=\"1.2.3\"}"), 1);
  EXPECT_GT(samples.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(samples.at("process_cpu_seconds_total"), 0);
  EXPECT_GE(samples.at("process_open_fds"), 3);
  EXPECT_NEAR(samples.at("process_start_time_seconds"), now, 600);
}

TEST(Metrics, AreCountedByManyThreads) {
  Metrics metrics("1");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&metrics] {
        RouteMetrics& route = metrics.route("/x");
        for (int j = 0; j < 1000; ++j) route.observe("POST", j % 2 == 0 ? 200U : 503U, 0.001);
        EXPECT_FALSE(metrics.text({}).empty());
      });
    }
  }
  const auto samples = samples_of(metrics.text({}));
  EXPECT_EQ(samples.at("eidetic_http_requests_total{method=\"POST\",route=\"/x\",status=\"200\"}"), 2000);
  EXPECT_EQ(samples.at("eidetic_http_requests_total{method=\"POST\",route=\"/x\",status=\"503\"}"), 2000);
}

// What the dashboard and the alerts ask for is what a server tells.
TEST(Metrics, HaveAllThatTheDashboardShows) {
  static const std::regex kName("(eidetic|process)_[a-z_]+");
  Metrics metrics("1");
  metrics.route("/").observe("GET", 200, 0.001);
  const std::string told =
      metrics.text({.connections = 0, .queues = {{"search"}}, .jobs = {{"queued"}}, .collections = {{"a"}}});
  for (const std::string_view name : {"deploy/grafana/eidetic.json", "deploy/eidetic-rules.yml"}) {
    const auto text = read_text(std::filesystem::path(EIDETIC_SOURCE_DIR) / name);
    ASSERT_TRUE(text) << name;
    std::size_t count = 0;
    for (std::sregex_iterator match(text->begin(), text->end(), kName); match != std::sregex_iterator(); ++match) {
      EXPECT_TRUE(told.contains("\n" + match->str())) << name << " asks for " << match->str();
      ++count;
    }
    EXPECT_GT(count, 0U) << name;
  }
}

}  // namespace
}  // namespace eidetic
