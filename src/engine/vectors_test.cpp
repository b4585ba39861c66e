// Vectors in open formats, into the whole engine and out of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "eidetic/vector_files.h"

#include "base/npy.h"
#include "base/test_files.h"
#include "base/text.h"
#include "engine/test_engine.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class VectorsTest : public testing::Test {
 protected:
  fs::path file_of(std::string_view name, std::string_view content) {
    need(write_file_atomically(folder_ / name, content));
    return folder_ / name;
  }
  Item item(const std::string& collection, const std::string& id) {
    const auto found = need(engine_->get(collection, std::span(&id, 1), true))[0];
    if (!found) throw std::runtime_error("there is no item '" + id + "'");
    return *found;
  }
  Error refused(const VectorImport& request) {
    const auto imported = import_vectors(*engine_, request);
    EXPECT_FALSE(imported);
    EXPECT_THAT(need(engine_->collections()), IsEmpty());
    return imported ? Error{} : imported.error();
  }

  const TemporaryDirectory folder_;
  const std::unique_ptr<Engine> engine_ =
      need(Engine::open({.data_dir = folder_ / "data", .threads = 1, .arithmetic = EmbedderOptions::Arithmetic::f32}));
};

TEST_F(VectorsTest, RowsOfCsvBecomeItems) {
  const auto file =
      file_of("base.csv", "filename, 0, 1, category\ncats\\a.jpg, 3, 4, Animals\nb.jpg, 0.1, 1e-8, City\n");
  const auto report = need(import_vectors(*engine_, {.file = file, .root = "/pictures"}));
  EXPECT_EQ(report.collection.spec.name, "base");
  EXPECT_EQ(report.collection.spec.space.metric, Metric::cosine);
  EXPECT_EQ(report.collection.items, 2U);
  EXPECT_EQ(report.imported, 2U);
  const Item cat = item("base", "cats/a.jpg");
  EXPECT_EQ(cat.vector, (Vector{3, 4}));
  EXPECT_EQ(cat.metadata, R"({"category":"Animals"})");
  EXPECT_EQ(cat.uri, "file:///pictures/cats/a.jpg");
  Query query{.terms = {{.kind = Term::Kind::vector, .vector = {3, 4}}}, .k = 1, .filter = "category = 'City'"};
  EXPECT_EQ(need(engine_->search("base", query)).hits.at(0).id, "b.jpg");
}

TEST_F(VectorsTest, BadRowsFailAloneInAnyBatch) {
  std::string csv = "filename,0,1,category\n";
  for (int i = 0; i < 2'500; ++i) {
    csv += std::to_string(i) + (i % 1'000 == 7 ? ",0,0,zero\n" : i % 1'000 == 8 ? ",1,x,word\n" : ",1,2,good\n");
  }
  csv += "1,5,5,again\n";
  const auto report = need(import_vectors(*engine_, {.file = file_of("v.csv", csv), .metric = Metric::cosine}));
  EXPECT_EQ(report.imported, 2'494U);
  EXPECT_EQ(report.failed, 7U);
  ASSERT_EQ(report.errors.size(), 7U);
  for (const auto& [uri, error] : report.errors) EXPECT_THAT(error.message, HasSubstr("v.csv', line "));
  EXPECT_EQ(item("v", "1").vector, (Vector{1, 2}));
}

TEST_F(VectorsTest, GoesIntoACollectionThatIsThere) {
  need(engine_->create("there", {.dimensions = 2, .metric = Metric::dot}));
  const auto file = file_of("v.csv", "a,1,2,x\nb,3,4,y\n");
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(need(import_vectors(*engine_, {.file = file, .collection = "there"})).collection.items, 2U);
  }
  const auto refuse = [&](const VectorImport& request) { return import_vectors(*engine_, request).error().message; };
  EXPECT_THAT(refuse({.file = file, .collection = "there", .metric = Metric::cosine}), HasSubstr("metric dot"));
  EXPECT_THAT(refuse({.file = file, .collection = "there", .index = "HNSW16"}), HasSubstr("'auto'"));
  EXPECT_THAT(refuse({.file = file, .collection = "there", .model = "default"}), HasSubstr("bare vectors"));
  const auto wider = file_of("w.csv", "filename,0,1,2\na,1,2,3\n");
  EXPECT_THAT(refuse({.file = wider, .collection = "there"}), AllOf(HasSubstr("3 dimensions"), HasSubstr("2")));
  EXPECT_EQ(need(engine_->describe("there")).items, 2U);
  EXPECT_EQ(need(engine_->collections()).size(), 1U);
}

TEST_F(VectorsTest, ExportedVectorsComeBackToTheLastBit) {
  std::string csv = "filename,0,1,2,category\n";
  std::vector<NewItem> items;
  need(engine_->create("c", {.dimensions = 3}));
  for (unsigned i = 0; i < 1'200; ++i) {
    const auto value = static_cast<float>(i);
    items.push_back({.id = "p\"" + std::to_string(i) + ", ü.jpg",
                     .vector = {1 / (value + 1), -value * 1e-7F, 3.4e10F + value},
                     .metadata = R"({"category":"a, b","nested":{"x":[1,null]},"stars":)" + std::to_string(i) + "}"});
  }
  items[5].metadata = "{}";
  for (const auto& result : need(engine_->put("c", items))) need(result);
  for (const auto* const name : {"out.csv", "out.npy"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(need(export_vectors(*engine_, {.collection = "c", .file = folder_ / name})), 1'200U);
    const auto report = need(import_vectors(*engine_, {.file = folder_ / name, .collection = "back"}));
    EXPECT_EQ(report.imported, 1'200U);
    EXPECT_EQ(report.failed, 0U);
    for (const auto& before : items) EXPECT_EQ(item("back", before.id).vector, before.vector);
    const bool all = std::string_view(name) == "out.npy";
    EXPECT_EQ(item("back", items[7].id).metadata,
              all ? R"({"category":"a, b","nested":{"x":[1,null]},"stars":7})" : R"({"category":"a, b"})");
    EXPECT_EQ(item("back", items[5].id).metadata, all ? "{}" : R"({"category":""})");
    need(engine_->drop("back"));
  }
}

TEST_F(VectorsTest, TheLastColumnIsTheFieldAskedFor) {
  need(import_vectors(*engine_, {.file = file_of("c.csv", "id,0,1,label\nx/a,1,2,7\ny/b,3,4,8\n")}));
  const auto exported = [&](const std::string& label) {
    need(export_vectors(*engine_, {.collection = "c", .file = folder_ / "o.csv", .label = label}));
    return read_text(folder_ / "o.csv").value();
  };
  EXPECT_EQ(exported("label"), "filename,0,1,category\nx/a,1,2,7\ny/b,3,4,8\n");
  EXPECT_EQ(exported("@folder"), "filename,0,1,category\nx/a,1,2,x\ny/b,3,4,y\n");
  EXPECT_EQ(exported("category"), "filename,0,1,category\nx/a,1,2,\ny/b,3,4,\n");
  const auto wrong = export_vectors(*engine_, {.collection = "c", .file = folder_ / "p.csv", .label = "lable"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, AllOf(HasSubstr("lable"), HasSubstr("label")));
  EXPECT_FALSE(fs::exists(folder_ / "p.csv"));
}

TEST_F(VectorsTest, AMatrixTakesItsNamesFromAListOrFromBeside) {
  need(write_npy(folder_ / "m.npy", 3, 2, std::vector<float>{1, 2, 3, 4, 5, 6}));
  const VectorImport request{.file = folder_ / "m.npy"};
  need(import_vectors(*engine_, request));
  EXPECT_EQ(item("m", "2").vector, (Vector{5, 6}));
  need(engine_->drop("m"));

  file_of("m.npy.files", "a.jpg\nb.jpg\nc.jpg\n");  // as `eidetic embed` writes it
  need(import_vectors(*engine_, request));
  EXPECT_EQ(item("m", "c.jpg").vector, (Vector{5, 6}));
  need(engine_->drop("m"));

  auto named = request;
  named.names = file_of("n.csv", "file,class_id\nx.jpg,4\n,5\nz.jpg,6\n");
  const auto report = need(import_vectors(*engine_, named));
  EXPECT_EQ(report.imported, 2U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_THAT(report.errors[0].error.message, HasSubstr("name 2"));
  EXPECT_EQ(item("m", "z.jpg").metadata, R"({"class_id":6})");
  need(engine_->drop("m"));

  named.names = file_of("few", "x\ny\n");
  EXPECT_THAT(refused(named).message, AllOf(HasSubstr("2 names"), HasSubstr("3 rows")));
}

TEST_F(VectorsTest, WhatCannotBeImportedLeavesNothing) {
  EXPECT_EQ(refused({.file = file_of("v.txt", "a,1,2\n")}).code, ErrorCode::unsupported);
  EXPECT_EQ(refused({.file = folder_ / "none.csv"}).code, ErrorCode::not_found);
  EXPECT_EQ(refused({.file = file_of("v.csv", "")}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(refused({.file = file_of("v.npy", "junk")}).code, ErrorCode::corrupt);
  EXPECT_THAT(refused({.file = file_of("v.csv", "filename,0,1,2\na,1,x,2\nb,1,y,2\n")}).message,
              AllOf(HasSubstr("nothing of"), HasSubstr("line 2")));
  const auto good = file_of("g.csv", "a,1,2,x\n");
  EXPECT_THAT(refused({.file = good, .model = "default"}).message,
              AllOf(HasSubstr("2 dimensions"), HasSubstr("'default'")));
  EXPECT_THAT(refused({.file = good, .index = "IVF4"}).message, HasSubstr("IVF4"));
  EXPECT_THAT(refused({.file = good, .collection = "a/b"}).message, HasSubstr("a/b"));
  EXPECT_THAT(refused({.file = good, .names = good}).message, HasSubstr("itself"));
  need(write_npy(folder_ / "v.npy", 0, 2, {}));
  EXPECT_THAT(refused({.file = folder_ / "v.npy"}).message, HasSubstr("(0, 2)"));
}

TEST_F(VectorsTest, AStopImportsNothing) {
  std::string csv;
  for (int i = 0; i < 3'000; ++i) csv += "p" + std::to_string(i) + ",1,2,x\n";
  std::stop_source stop;
  stop.request_stop();
  const auto report = need(import_vectors(*engine_, {.file = file_of("v.csv", csv)}, {}, stop.get_token()));
  EXPECT_TRUE(report.interrupted);
  EXPECT_EQ(report.imported, 0U);
  EXPECT_THAT(need(engine_->collections()), IsEmpty());
}

}  // namespace
}  // namespace eidetic
