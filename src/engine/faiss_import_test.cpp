// FAISS files through the whole engine. The files: tests/data/faiss/make.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "eidetic/vector_files.h"

#include "base/npy.h"
#include "base/test_files.h"
#include "engine/test_engine.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kVectors = 20;  // of a file that make.py has made

fs::path sample(std::string_view name) { return fs::path(EIDETIC_SOURCE_DIR) / "tests/data/faiss" / name; }

class FaissImportTest : public testing::Test {
 protected:
  fs::path file_of(std::string_view name, std::string_view content) {
    need(write_file_atomically(folder_ / name, content));
    return folder_ / name;
  }
  // As many lines as make.py makes vectors: "0.jpg" …
  fs::path names(int count = kVectors) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += std::to_string(i) + ".jpg\n";
    return file_of("names.txt", lines);
  }
  // A Flat index, as FAISS writes it.
  fs::path flat(std::span<const Vector> vectors) {
    const auto file = folder_ / "flat.index";
    std::ofstream out(file, std::ios::binary);
    const auto put = [&](const auto value) { out.write(reinterpret_cast<const char*>(&value), sizeof(value)); };
    out << "IxF2";
    put(static_cast<std::int32_t>(vectors[0].size()));
    put(static_cast<std::int64_t>(vectors.size()));
    put(std::int64_t{0});
    put(std::int64_t{0});
    put(std::uint8_t{1});
    put(std::int32_t{1});
    put(static_cast<std::uint64_t>(vectors.size() * vectors[0].size()));
    for (const auto& vector : vectors) {
      for (const float value : vector) put(value);
    }
    return file;
  }
  Error refused(const FaissImport& request) {
    const auto imported = import_faiss(*engine_, request);
    EXPECT_FALSE(imported);
    EXPECT_THAT(need(engine_->collections()), IsEmpty());
    return imported ? Error{} : imported.error();
  }

  const TemporaryDirectory folder_;
  const std::unique_ptr<Engine> engine_ =
      need(Engine::open({.data_dir = folder_ / "data", .threads = 1, .arithmetic = EmbedderOptions::Arithmetic::f32}));
};

TEST_F(FaissImportTest, NamesBecomeItemsWithTheVectorsOfFaiss) {
  const auto list = file_of("names.csv", [] {
    std::string csv = "file,label\n";
    for (int i = 0; i < kVectors; ++i) csv += std::to_string(i) + " ü.jpg,kind" + std::to_string(i % 3) + "\n";
    return csv;
  }());
  const auto info = need(import_faiss(*engine_, {.file = sample("ivf_pq.index"), .names = list, .root = "/pictures"}));
  EXPECT_EQ(info.spec.name, "ivf_pq");
  EXPECT_EQ(info.items, kVectors);
  EXPECT_EQ(info.spec.space.metric, Metric::dot);
  EXPECT_EQ(info.spec.space.dimensions, 8U);
  const auto expected = need(read_npy(sample("ivf_pq.npy")));
  for (int i = 0; i < kVectors; ++i) {
    const std::string id = std::to_string(i) + " ü.jpg";
    const auto item = need(engine_->get("ivf_pq", std::span(&id, 1), true))[0];
    ASSERT_TRUE(item) << id;
    EXPECT_EQ(item->uri, "file:///pictures/" + std::to_string(i) + "%20%C3%BC.jpg");
    EXPECT_EQ(item->metadata, R"({"label":"kind)" + std::to_string(i % 3) + "\"}");
    const auto* const row = expected.values.data() + i * 8;
    EXPECT_EQ(item->vector, Vector(row, row + 8));
  }
  Query query{.terms = {{.kind = Term::Kind::vector}}, .k = 1};
  query.terms[0].vector.assign(expected.values.data() + 3 * 8, expected.values.data() + 4 * 8);
  EXPECT_EQ(need(engine_->search("ivf_pq", query)).hits.size(), 1U);
}

TEST_F(FaissImportTest, WithoutNamesTheNumbersAreIds) {
  const auto info = need(import_faiss(*engine_, {.file = sample("sparse.index"), .collection = "numbers"}));
  EXPECT_EQ(info.items, 3U);
  for (const std::string id : {"2", "7", "90"}) {
    const auto item = need(engine_->get("numbers", std::span(&id, 1), false))[0];
    ASSERT_TRUE(item) << id;
    EXPECT_THAT(item->uri, IsEmpty());
  }
}

TEST_F(FaissImportTest, OnlyNamesThatSayWhereHavePictures) {
  const std::vector<Vector> vectors = {{1, 2}, {3, 4}, {5, 6}};
  need(import_faiss(*engine_, {.file = flat(vectors), .names = file_of("n", "/a/b.jpg\nhttp://x/c.jpg\nd.jpg\n")}));
  const std::vector<std::string> ids = {"/a/b.jpg", "http://x/c.jpg", "d.jpg"};
  const auto items = need(engine_->get("flat", ids, false));
  EXPECT_EQ(items[0]->uri, "file:///a/b.jpg");
  EXPECT_EQ(items[1]->uri, "http://x/c.jpg");
  EXPECT_EQ(items[2]->uri, "");
}

TEST_F(FaissImportTest, TheMetricIsThatOfTheFileUnlessChosen) {
  EXPECT_EQ(need(import_faiss(*engine_, {.file = sample("flat.index"), .collection = "a"})).spec.space.metric,
            Metric::euclidean);
  const auto chosen = need(import_faiss(
      *engine_, {.file = sample("cityblock.index"), .collection = "b", .metric = Metric::cosine, .index = "HNSW16"}));
  EXPECT_EQ(chosen.spec.space.metric, Metric::cosine);
  EXPECT_EQ(chosen.spec.index, "HNSW16");
  const auto unchosen = import_faiss(*engine_, {.file = sample("cityblock.index"), .collection = "c"});
  ASSERT_FALSE(unchosen);
  EXPECT_THAT(unchosen.error().message, AllOf(HasSubstr("cityblock.index"), HasSubstr("cosine, dot or euclidean")));
  EXPECT_EQ(import_faiss(*engine_, {.file = sample("flat.index"), .collection = "a"}).error().code,
            ErrorCode::already_exists);
}

TEST_F(FaissImportTest, WithTheirModelPicturesAreSearchedWith) {
  std::vector<std::string> pictures;
  std::vector<Vector> vectors;
  std::string list;
  for (unsigned i = 0; i < 4; ++i) {
    pictures.push_back((folder_ / (std::to_string(i) + ".ppm")).native());
    write_picture(pictures.back(), i);
    list += std::to_string(i) + ".ppm\n";
  }
  for (auto& vector : need(engine_->embed(pictures, "default"))) vectors.push_back(need(std::move(vector)));
  need(import_faiss(*engine_, {.file = flat(vectors),
                               .names = file_of("list", list),
                               .collection = "mine",
                               .metric = Metric::cosine,
                               .root = folder_.path(),
                               .model = "default"}));
  const auto hits = need(engine_->search("mine", {.terms = {{.value = pictures[2]}}, .k = 2})).hits;
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].id, "2.ppm");
  EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
  EXPECT_EQ(need(engine_->picture("mine", "2.ppm")).bytes, need(read_file(pictures[2])));
}

TEST_F(FaissImportTest, WhatDoesNotFitIsRefusedWhole) {
  const auto message = [&](const FaissImport& request) { return refused(request).message; };
  EXPECT_THAT(message({.file = sample("flat.index"), .names = names(19)}),
              AllOf(HasSubstr("names.txt' has 19 names"), HasSubstr("20 vectors")));
  // One more than there are vectors: which one is it that has none?
  EXPECT_THAT(message({.file = sample("flat.index"), .names = names(21)}), HasSubstr("21 names"));
  EXPECT_THAT(message({.file = sample("idmap.index"), .names = names()}), HasSubstr("ids up to 57"));
  EXPECT_THAT(message({.file = sample("ivf_flat.index"), .names = file_of("n", "a\n\nb\n" + std::string(60, '\n'))}),
              HasSubstr("empty name for vector 1"));
  EXPECT_THAT(message({.file = sample("flat.index"), .model = "default"}),
              AllOf(HasSubstr("8 dimensions"), HasSubstr("256")));
  EXPECT_THAT(message({.file = sample("flat.index"), .index = "HNWS"}), HasSubstr("HNWS"));
  EXPECT_THAT(message({.file = sample("flat.index"), .collection = "a/b"}), HasSubstr("a/b"));
  const std::vector<Vector> vectors = {{1, 2}, {std::numeric_limits<float>::quiet_NaN(), 0}};
  EXPECT_THAT(message({.file = flat(vectors)}),
              AllOf(HasSubstr("flat.index"), HasSubstr("vector 1"), HasSubstr("NaN")));
}

}  // namespace
}  // namespace eidetic
