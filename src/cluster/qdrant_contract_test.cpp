// What every Backend has to do, on Qdrant: on the server at QDRANT_URL or EIDETIC_TEST_QDRANT (http://host:port) where
// one of them is set, else on what such a server was recorded to answer (tests/data/qdrant/README.md).
#include <cstdlib>
#include <string>
#include <utility>

#include "backend/contract_items_test.h"
#include "backend/contract_metadata_test.h"
#include "backend/contract_parts_test.h"
#include "backend/contract_search_test.h"
#include "base/file.h"
#include "base/hash.h"
#include "cluster/cluster.h"
#include "cluster/cluster_backend.h"
#include "cluster/qdrant_store.h"
#include "cluster/test_recording.h"

namespace eidetic {
namespace {

constexpr std::string_view kRecorded = EIDETIC_SOURCE_DIR "/tests/data/qdrant/exchanges.jsonl.xz";

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// "host:port", "" where there is no server.
std::string live_server() {
  std::string url = variable("QDRANT_URL");
  if (url.empty()) url = variable("EIDETIC_TEST_QDRANT");
  if (url.starts_with("http://")) url.erase(0, 7);
  if (url.ends_with('/')) url.pop_back();
  return url;
}

// Where requests go: to the server, to one that records what it says, or to the recording.
std::string address() {
  static const std::string live = live_server();
  static const std::string folder = variable("EIDETIC_RECORD");
  if (!live.empty() && folder.empty()) return live;
  static const TestRecording recording = live.empty() ? TestRecording({"replay", std::string(kRecorded)})
                                                      : TestRecording({"record", folder, "http://" + live});
  return recording.address();
}

// Names of its own for each test.
std::string prefix_of_test() {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  return "test-" + sha256_hex(as_bytes(fmt::format("{}.{}", test->test_suite_name(), test->name()))).substr(0, 12);
}

EngineHttp engine(const std::string& host, const std::string& prefix) {
  ClusterOptions options;
  options.url = fmt::format("qdrant://{}/{}", host, prefix);
  options.replicas = 0;
  // A recording knows one order.
  if (host != live_server()) options.parallel = 1;
  return {options, parse_cluster_url(options.url).value()};
}

// Its collections go with it, on a server.
class OnQdrant final : public BackendHarness {
 public:
  OnQdrant() { sweep(); }
  ~OnQdrant() override { sweep(); }
  Backend& backend() override { return backend_; }

 private:
  void sweep() const {
    const std::string live = live_server();
    if (live.empty()) return;
    const EngineHttp http = engine(live, prefix_);
    const auto all = http.exchange({.path = "/collections"});
    ASSERT_TRUE(all) << all.error().message;
    for (const Json& each : all->body["result"]["collections"]) {
      const auto name = each["name"].get<std::string>();
      if (name == prefix_ || name.starts_with(prefix_ + ".")) {
        EXPECT_TRUE(http.exchange({.method = "DELETE", .path = "/collections/" + name}));
      }
    }
  }

  std::string prefix_ = prefix_of_test();
  ClusterBackend backend_{make_qdrant_store(engine(address(), prefix_))};
};

BackendUnderTest qdrant(const std::string& name, const std::string& index) {
  const bool recorded = live_server().empty() || !variable("EIDETIC_RECORD").empty();
  return {.name = name,
          .index = index,
          .make = [] { return std::make_unique<OnQdrant>(); },
          .scrolls_by_id = false,
          .several_threads = !recorded};
}
const auto kEveryKind = testing::Values(qdrant("auto", "auto"), qdrant("exact", "Flat"));
INSTANTIATE_TEST_SUITE_P(Qdrant, BackendContract, kEveryKind, backend_test_name);
INSTANTIATE_TEST_SUITE_P(Qdrant, BackendMetadata, kEveryKind, backend_test_name);
INSTANTIATE_TEST_SUITE_P(Qdrant, PartsContract, kEveryKind, backend_test_name);

}  // namespace
}  // namespace eidetic
