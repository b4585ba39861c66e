#include "remote/shapes.h"

#include <gtest/gtest.h>

namespace eidetic::remote {
namespace {

Json parsed(std::string_view text) { return parse_json(text, "test").value(); }

constexpr std::string_view kCollection = R"({"name": "a", "items": 3, "model": "m", "space": "h", "dimensions": 8,
  "metric": "dot", "precision": "bf16", "index": "auto", "index_kind": "Flat", "index_building": "",
  "index_training": {"items": 9, "sampled": 8, "explained_variance": 0.5, "seconds": 1.5}, "index_note": "", "backend": "embedded",
  "search": {"ef": 1, "nprobe": 2, "rescore": 3}, "regions": "2x3", "region_vectors": 18,
  "description": "what", "source": "from where",
  "migration": {"model": "n", "space": "k", "state": "switched", "total": 3, "done": 2, "failed": 1,
    "until": "2001-09-09T01:46:40Z", "notes": ["gone"]},
  "memory_bytes": 1, "disk_bytes": 2, "created": "2001-09-09T01:46:40Z", "pending_jobs": 0, "watch": []})";

TEST(Shapes, ReadsACollection) {
  const CollectionInfo info = read_collection(parsed(kCollection));
  EXPECT_EQ(info.spec.name, "a");
  EXPECT_EQ(info.spec.space.metric, Metric::dot);
  EXPECT_EQ(info.spec.space.precision, Precision::bf16);
  EXPECT_EQ(info.created_ms, 1'000'000'000'000);
  EXPECT_EQ(info.regions, "2x3");
  EXPECT_EQ(info.parts, 18U);
  EXPECT_EQ(info.description, "what");
  EXPECT_EQ(info.source, "from where");
  ASSERT_TRUE(info.migration);
  EXPECT_EQ(info.migration->state, MigrationInfo::State::switched);
  EXPECT_EQ(info.migration->until_ms, 1'000'000'000'000);
  EXPECT_EQ(info.migration->done, 2U);
  Json other = parsed(kCollection);
  other["migration"] = nullptr;
  EXPECT_FALSE(read_collection(other).migration);
  other["metric"] = "far";
  EXPECT_THROW((void)read_collection(other), Json::exception);
  EXPECT_THROW((void)read_collection(Json::array()), Json::exception);
}

TEST(Shapes, ReadsItemsWithAndWithoutVectors) {
  const ScrollPage page = read_page(parsed(
      R"({"items": [{"id": "a", "uri": "u", "content_hash": "", "size_bytes": 4, "modified": null, "metadata": {"x": 1},
          "vector": [0.5, -1]}], "next": null})"));
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(page.items[0].metadata, R"({"x":1})");
  EXPECT_EQ(page.items[0].vector, (Vector{0.5F, -1.0F}));
  EXPECT_EQ(page.items[0].modified_ns, 0);
  EXPECT_EQ(page.next, "");
}

TEST(Shapes, ReadsOutcomesAndErrors) {
  EXPECT_EQ(read_put_result(parsed(R"({"id": "a", "outcome": "replaced"})"))->outcome, PutOutcome::replaced);
  const auto failed = read_put_result(parsed(R"({"error": {"code": "corrupt", "message": "no"}})"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::corrupt);
  EXPECT_THROW((void)read_put_result(parsed(R"({"id": "a", "outcome": "eaten"})")), Json::exception);
}

TEST(Shapes, ReadsAJob) {
  const JobInfo job = read_job(parsed(R"({"id": "7", "kind": "index", "subject": "a", "state": "failed",
    "created": "2001-09-09T01:46:40Z", "started": "2001-09-09T01:46:41Z", "finished": null,
    "progress": {"total": 5, "done": 4, "indexed": 3, "skipped": 1, "failed": 0, "seconds": 0.5},
    "error": {"code": "unavailable", "message": "disk full"}, "starts": 2})"));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.started_ms - job.created_ms, 1000);
  EXPECT_EQ(job.finished_ms, 0);
  EXPECT_EQ(job.progress.indexed, 3U);
  EXPECT_EQ(job.error->message, "disk full");
}

}  // namespace
}  // namespace eidetic::remote
