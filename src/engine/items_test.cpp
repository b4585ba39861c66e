// Single items through the whole engine: put, get, list, patch, erase_where, pictures, thumbnails, and their limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/hash.h"
#include "base/json.h"
#include "base/test_files.h"
#include "engine/test_engine.h"
#include "image/encode.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ItemsTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen(EngineOptions options = {}) {
    engine_.reset();
    options.data_dir = folder_ / "data";
    engine_ = need(Engine::open(options));
    if (!engine_->describe("c")) need(engine_->create("c", {}));
  }
  PutResult put(const NewItem& item) { return need(need(engine_->put("c", std::span(&item, 1)))[0]); }
  Error put_error(const NewItem& item) {
    const auto result = need(engine_->put("c", std::span(&item, 1)))[0];
    return result ? Error{ErrorCode::internal, "stored"} : result.error();
  }
  std::optional<Item> get(const std::string& id) { return need(engine_->get("c", std::span(&id, 1), true))[0]; }
  std::vector<std::string> ids(const ListRequest& request) {
    std::vector<std::string> found;
    for (const auto& item : need(engine_->list("c", request)).items) found.push_back(item.id);
    return found;
  }
  Vector axis(std::size_t i) {
    Vector vector(need(engine_->describe("c")).spec.space.dimensions);
    vector[i] = 1;
    return vector;
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ItemsTest, APictureGivenAsBytesIsKeptAndFound) {
  const auto bytes = picture_bytes(1);
  const auto result = put({.bytes = bytes, .metadata = R"({"a":1})"});
  EXPECT_EQ(result.id, sha256_hex(bytes));
  EXPECT_EQ(result.outcome, PutOutcome::created);
  put({.id = "other", .bytes = picture_bytes(2)});

  const Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = bytes}}, .k = 1};
  EXPECT_EQ(need(engine_->search("c", query)).hits[0].id, result.id);
  const auto item = get(result.id).value();
  EXPECT_EQ(item.uri, "stored:" + result.id);
  EXPECT_EQ(item.size_bytes, bytes.size());
  EXPECT_EQ(item.metadata, R"({"a":1})");
  EXPECT_EQ(item.vector, need(engine_->embed(Bytes(bytes), "default")));
  reopen();
  const auto picture = need(engine_->picture("c", result.id));
  EXPECT_EQ(picture.bytes, bytes);
  EXPECT_EQ(picture.media_type, "image/x-portable-anymap");
  EXPECT_EQ(picture.content_hash, result.id);
}

TEST_F(ItemsTest, ExifIsAddedToWhatIsGivenOrStored) {
  const auto bytes = picture_bytes(1);
  const auto metadata = [&](const NewItem& item) {
    put(item);
    return parse_json(get(item.id)->metadata, "metadata").value();
  };
  put({.id = "a", .bytes = bytes, .metadata = R"({"n":1})"});
  const Json with = metadata({.id = "a", .bytes = bytes, .exif = ExifFields::camera});
  EXPECT_EQ(with.at("n"), 1);
  EXPECT_TRUE(with.at("exif").contains("width"));
  EXPECT_EQ(put({.id = "a", .bytes = bytes, .exif = ExifFields::camera}).outcome, PutOutcome::unchanged);
  const Json gps = metadata({.id = "a", .bytes = bytes, .metadata = R"({"m":2})", .exif = ExifFields::gps});
  EXPECT_EQ(gps.at("m"), 2);
  EXPECT_TRUE(gps.at("exif").at("gps").is_null());
  const Json own = metadata({.id = "a", .bytes = bytes, .metadata = R"({"exif":"mine"})", .exif = ExifFields::gps});
  EXPECT_EQ(own, Json({{"exif", "mine"}}));

  // Of a picture whose vector is given, too; of a vector alone there is none.
  write_picture(folder_ / "b.ppm", 1);
  const NewItem both{.id = "b", .uri = (folder_ / "b.ppm").native(), .vector = axis(1), .exif = ExifFields::camera};
  EXPECT_TRUE(metadata(both).at("exif").contains("height"));
  EXPECT_THAT(put_error({.id = "v", .vector = axis(1), .exif = ExifFields::camera}).message, HasSubstr("no picture"));
}

TEST_F(ItemsTest, TheSamePictureIsNotEmbeddedAgain) {
  write_picture(folder_ / "a.ppm", 1);
  const NewItem given{.id = "a", .uri = (folder_ / "a.ppm").native(), .metadata = R"({"n":1,"m":2})"};
  EXPECT_EQ(put(given).outcome, PutOutcome::created);
  const auto before = get("a").value();
  EXPECT_EQ(put(given).outcome, PutOutcome::unchanged);
  EXPECT_EQ(put({.id = "a", .uri = given.uri}).outcome, PutOutcome::unchanged);
  EXPECT_EQ(put({.id = "a", .uri = given.uri, .metadata = R"({"m": 2, "n": 1})"}).outcome, PutOutcome::unchanged);
  EXPECT_EQ(put({.id = "a", .uri = given.uri, .metadata = R"({"n":2})"}).outcome, PutOutcome::replaced);
  EXPECT_EQ(get("a")->metadata, R"({"n":2})");
  EXPECT_EQ(get("a")->vector, before.vector);

  write_picture(folder_ / "a.ppm", 2);
  EXPECT_EQ(put({.id = "a", .uri = given.uri}).outcome, PutOutcome::replaced);
  EXPECT_NE(get("a")->vector, before.vector);
  EXPECT_EQ(get("a")->metadata, R"({"n":2})");
}

TEST_F(ItemsTest, AVectorIsTakenAsItIs) {
  EXPECT_EQ(put({.id = "bare", .vector = axis(0)}).outcome, PutOutcome::created);
  EXPECT_EQ(put({.id = "with bytes", .bytes = picture_bytes(1), .vector = axis(1)}).outcome, PutOutcome::created);
  EXPECT_EQ(put({.id = "with uri", .uri = "https://example.org/x.jpg", .vector = axis(2)}).outcome,
            PutOutcome::created);
  const Query query{.terms = {{.kind = Term::Kind::vector, .vector = axis(1)}}, .k = 3};
  const auto hits = need(engine_->search("c", query)).hits;
  EXPECT_EQ(hits[0].id, "with bytes");
  EXPECT_NEAR(hits[1].similarity, 0, 1e-6);
  EXPECT_EQ(need(engine_->picture("c", "with bytes")).bytes, picture_bytes(1));
  EXPECT_EQ(engine_->picture("c", "bare").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->thumbnail("c", "bare", 64).error().code, ErrorCode::not_found);
  EXPECT_EQ(get("with uri")->uri, "https://example.org/x.jpg");
}

TEST_F(ItemsTest, ACollectionOfBareVectorsHasNoModel) {
  const auto info = need(engine_->create("bare", {.dimensions = 3}));
  EXPECT_EQ(info.spec.space.dimensions, 3U);
  const std::vector<NewItem> items = {{.id = "x", .vector = {1, 0, 0}}, {.id = "y", .vector = {0, 1, 0}}};
  for (const auto& result : need(engine_->put("bare", items))) EXPECT_TRUE(result.has_value());
  const Query nearest{.terms = {{.kind = Term::Kind::vector, .vector = {0.9F, 0.1F, 0}}}, .k = 1};
  EXPECT_EQ(need(engine_->search("bare", nearest)).hits[0].id, "x");

  const Query picture{.terms = {{.kind = Term::Kind::bytes, .bytes = picture_bytes(1)}}};
  EXPECT_EQ(engine_->search("bare", picture).error().code, ErrorCode::unsupported);
  const NewItem another{.bytes = picture_bytes(1)};
  const auto put = engine_->put("bare", std::span(&another, 1));
  EXPECT_FALSE(put && (*put)[0]);
}

TEST_F(ItemsTest, ABadItemFailsAlone) {
  std::vector<NewItem> items(9);
  items[0] = {.id = "good", .bytes = picture_bytes(1)};
  items[1] = {.id = "nothing"};
  items[2] = {.id = "both", .uri = "a.jpg", .bytes = picture_bytes(2)};
  items[3] = {.vector = axis(0)};
  items[4] = {.id = "short", .vector = {1, 2}};
  items[5] = {.id = std::string(2000, 'x'), .bytes = picture_bytes(3)};
  items[6] = {.id = "metadata", .bytes = picture_bytes(4), .metadata = "[1]"};
  items[7] = {.id = "no picture", .bytes = {std::byte{1}, std::byte{2}}};
  items[8] = {.id = "gone", .uri = "/no/such.jpg"};
  const auto results = need(engine_->put("c", items));
  EXPECT_TRUE(results[0]);
  for (std::size_t i = 1; i < 8; ++i) {
    ASSERT_FALSE(results[i]) << i;
    EXPECT_EQ(results[i].error().code, ErrorCode::invalid_argument) << results[i].error().message;
  }
  EXPECT_EQ(results[8].error().code, ErrorCode::not_found);
  EXPECT_EQ(need(engine_->describe("c")).items, 1U);
  EXPECT_EQ(engine_->put("nowhere", items).error().code, ErrorCode::not_found);
}

TEST_F(ItemsTest, OfOneIdTheLastGoodItemIsStored) {
  std::vector<NewItem> items(3);
  items[0] = {.id = "x", .bytes = picture_bytes(1)};
  items[1] = {.id = "x", .bytes = picture_bytes(2)};
  items[2] = {.id = "x", .bytes = {std::byte{0}}};
  const auto results = need(engine_->put("c", items));
  EXPECT_EQ(results[0]->outcome, PutOutcome::created);
  EXPECT_EQ(results[1]->outcome, PutOutcome::replaced);
  EXPECT_FALSE(results[2]);
  EXPECT_EQ(get("x")->content_hash, sha256_hex(picture_bytes(2)));
}

TEST_F(ItemsTest, ListsWithAFilterThroughAllPages) {
  std::vector<NewItem> items;
  for (int i = 0; i < 500; ++i) {
    items.push_back({.id = fmt::format("{:04}", i),
                     .vector = axis(static_cast<std::size_t>(i % 7)),
                     .metadata = fmt::format(R"({{"n":{}}})", i)});
  }
  need(engine_->put("c", items));
  EXPECT_THAT(ids({.limit = 2}), ElementsAre("0000", "0001"));
  EXPECT_THAT(ids({.filter = "n = 3 or n = 499"}), ElementsAre("0003", "0499"));
  std::vector<std::string> all;
  std::string cursor;
  do {
    auto page = need(engine_->list("c", {.cursor = cursor, .limit = 7, .filter = "n >= 250 and n < 300"}));
    EXPECT_LE(page.items.size(), 7U);
    for (auto& item : page.items) all.push_back(item.id);
    cursor = page.next;
  } while (!cursor.empty());
  ASSERT_EQ(all.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_FALSE(need(engine_->list("c", {.filter = "n = 1", .with_vectors = true})).items[0].vector.empty());
  EXPECT_EQ(engine_->list("c", {.filter = "n ="}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->list("c", {.limit = 0, .filter = "n = 1"}).error().code, ErrorCode::invalid_argument);

  EXPECT_EQ(need(engine_->erase_where("c", "n < 490")), 490U);
  EXPECT_EQ(need(engine_->describe("c")).items, 10U);
  EXPECT_EQ(engine_->erase_where("c", " ").error().code, ErrorCode::invalid_argument);
}

TEST_F(ItemsTest, SearchesWhatAFilterLeaves) {
  for (int i = 0; i < 9; ++i) {
    put({.id = fmt::format("{}", i),
         .vector = axis(static_cast<std::size_t>(i % 3)),
         .metadata = fmt::format(R"({{"n":{},"kind":"{}"}})", i, i % 2 == 0 ? "even" : "odd")});
  }
  Query query{.terms = {{.kind = Term::Kind::id, .value = "0"}}, .k = 3, .filter = "kind = 'odd'"};
  const auto found = [&] {
    std::vector<std::string> ids;
    for (const auto& hit : need(engine_->search("c", query)).hits) ids.push_back(hit.id);
    return ids;
  };
  EXPECT_THAT(found(), ElementsAre("3", "1", "5"));
  query.filter = "n in (3, 8)";
  EXPECT_THAT(found(), ElementsAre("3", "8"));
  need(engine_->patch("c", "3", R"({"n":30})"));
  EXPECT_THAT(found(), ElementsAre("8"));
  const std::vector<Query> queries(3, query);
  for (const auto& result : need(engine_->search("c", queries))) EXPECT_EQ(need(result).hits.size(), 1U);
  query.filter = "n ~ 3";
  EXPECT_EQ(engine_->search("c", query).error().code, ErrorCode::invalid_argument);

  EXPECT_THAT(ids({.limit = 4, .sort = "-n"}), ElementsAre("3", "8", "7", "6"));
  EXPECT_THAT(ids({.filter = "n < 3", .sort = "kind"}), ElementsAre("0", "2", "1"));
  EXPECT_FALSE(need(engine_->list("c", {.with_vectors = true, .sort = "n"})).items[0].vector.empty());
  EXPECT_EQ(engine_->list("c", {.sort = "-"}).error().code, ErrorCode::invalid_argument);
  const auto facets = need(engine_->facets("c", {.fields = {"kind"}, .filter = parse_filter("n < 3").value()}));
  ASSERT_EQ(facets.size(), 1U);
  ASSERT_EQ(facets[0].values.size(), 2U);
  EXPECT_EQ(facets[0].values[0].value, R"("even")");
  EXPECT_EQ(facets[0].values[0].items, 2U);
}

TEST_F(ItemsTest, APatchMergesIntoMetadata) {
  put({.id = "a", .vector = axis(0), .metadata = R"({"a":{"b":1,"c":2},"d":[1]})"});
  const auto patched = need(engine_->patch("c", "a", R"({"a":{"b":null,"e":3},"d":2})"));
  EXPECT_EQ(patched.metadata, R"({"a":{"c":2,"e":3},"d":2})");
  EXPECT_EQ(get("a")->metadata, patched.metadata);
  EXPECT_EQ(get("a")->vector, axis(0));
  EXPECT_EQ(engine_->patch("c", "b", "{}").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->patch("c", "a", "[]").error().code, ErrorCode::invalid_argument);
}

TEST_F(ItemsTest, PatchesAtTheSameTimeAllCount) {
  put({.id = "a", .vector = axis(0)});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) need(engine_->patch("c", "a", fmt::format(R"({{"t{}-{}":1}})", t, i)));
      });
    }
  }
  EXPECT_EQ(Json::parse(get("a")->metadata).size(), 40U);
}

// A JPEG of 80 x 40 whose left half is red, with the EXIF orientation 6: to be turned a quarter to the right.
std::vector<std::byte> turned_jpeg() {
  Image image{.width = 80, .height = 40, .pixels = {}};
  for (int i = 0; i < 80 * 40; ++i) {
    const bool left = i % 80 < 40;
    for (const int value : {left ? 255 : 0, 0, left ? 0 : 255}) {
      image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  auto jpeg = need(encode_jpeg(image));
  constexpr std::string_view kExif(
      "\xff\xe1\x00\x22"
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
      36);
  const auto exif = as_bytes(kExif);
  jpeg.insert(jpeg.begin() + 2, exif.begin(), exif.end());
  return jpeg;
}

TEST_F(ItemsTest, AThumbnailIsSmallAndUpright) {
  put({.id = "turned", .bytes = turned_jpeg()});
  const auto small = need(engine_->thumbnail("c", "turned", 32));
  EXPECT_EQ(small.media_type, "image/jpeg");
  EXPECT_EQ(small.content_hash, sha256_hex(small.bytes));
  const auto image = need(decode_image(small.bytes));
  EXPECT_EQ(image.width, 16);
  EXPECT_EQ(image.height, 32);
  EXPECT_GT(image.pixels[(2 * 16 + 8) * 3], 200);       // the left half has come to the top
  EXPECT_GT(image.pixels[(29 * 16 + 8) * 3 + 2], 200);  // and the right one below
  EXPECT_EQ(need(decode_image(need(engine_->thumbnail("c", "turned", 500)).bytes)).height, 80);
  EXPECT_EQ(engine_->thumbnail("c", "turned", kMinThumbnail - 1).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->thumbnail("c", "turned", kMaxThumbnail + 1).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->thumbnail("c", "none", 64).error().code, ErrorCode::not_found);
}

TEST_F(ItemsTest, APreviewIsTheThumbnailOfWhatIsNoItem) {
  put({.id = "turned", .bytes = turned_jpeg()});
  const auto thumbnail = need(engine_->thumbnail("c", "turned", 32));
  EXPECT_EQ(need(engine_->preview(turned_jpeg(), 32)).bytes, thumbnail.bytes);
  const auto path = folder_ / "turned.jpg";
  const auto encoded = turned_jpeg();
  ASSERT_TRUE(
      write_file_atomically(path, std::string_view(reinterpret_cast<const char*>(encoded.data()), encoded.size())));
  const auto read = need(engine_->preview(path.native(), 32));
  EXPECT_EQ(read.bytes, thumbnail.bytes);
  EXPECT_EQ(read.media_type, "image/jpeg");
  EXPECT_EQ(read.content_hash, thumbnail.content_hash);

  EXPECT_EQ(engine_->preview(turned_jpeg(), kMaxThumbnail + 1).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->preview(path.native(), kMinThumbnail - 1).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->preview("/no/such.jpg", 32).error().code, ErrorCode::not_found);
  const auto broken = engine_->preview(as_bytes("no picture at all"), 32);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("the given picture"));
}

TEST_F(ItemsTest, AThumbnailOutlivesItsPicture) {
  write_picture(folder_ / "a.ppm", 1);
  put({.id = "a", .uri = (folder_ / "a.ppm").native()});
  const auto before = need(engine_->thumbnail("c", "a", 64));
  fs::remove(folder_ / "a.ppm");
  reopen();
  EXPECT_EQ(need(engine_->thumbnail("c", "a", 64)).bytes, before.bytes);
  EXPECT_EQ(engine_->thumbnail("c", "a", 65).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->picture("c", "a").error().code, ErrorCode::not_found);
}

TEST_F(ItemsTest, ReadsNothingOutsideOfItsRoots) {
  write_picture(folder_ / "open/a.ppm", 1);
  write_picture(folder_ / "shut/b.ppm", 2);
  fs::create_symlink(folder_ / "shut/b.ppm", folder_ / "open/b.ppm");
  reopen({.data_dir = {}, .file_roots = std::vector{folder_ / "open"}});
  const auto outside = HasSubstr("outside of the folders that this server may read");
  put({.id = "a", .uri = (folder_ / "open/a.ppm").native()});
  for (const auto* file : {"shut/b.ppm", "open/../shut/b.ppm", "open/b.ppm"}) {
    EXPECT_THAT(put_error({.id = "b", .uri = (folder_ / file).native()}).message, outside) << file;
  }
  EXPECT_THAT(engine_->index("c", {.paths = {(folder_ / "shut").native()}}).error().message, outside);
  EXPECT_THAT(engine_->start_index("c", {.paths = {(folder_ / "shut").native()}}).error().message, outside);
  EXPECT_THAT(engine_->watch("c", std::vector{folder_ / "shut"}).error().message, outside);
  EXPECT_THAT(engine_->create("d", {.model = (folder_ / "shut").native()}).error().message, outside);
  EXPECT_THAT(engine_->search("c", {.terms = {{.value = (folder_ / "shut/b.ppm").native()}}}).error().message, outside);
  EXPECT_THAT(engine_->model("/etc/passwd").error().message, outside);
  EXPECT_TRUE(engine_->model("default"));

  const auto report = need(engine_->index("c", {.paths = {(folder_ / "open").native()}}));
  EXPECT_EQ(report.indexed, 1U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_THAT(report.errors[0].error.message, outside);
  EXPECT_THAT(report.errors[0].error.message, Not(HasSubstr("shut")));
}

TEST_F(ItemsTest, FetchesNothingFromPrivateAddresses) {
  write_picture(folder_ / "served/a.ppm", 1);
  const TestServer server(folder_ / "served");
  put({.id = "a", .uri = server.url("a.ppm")});
  reopen({.data_dir = {}, .private_urls = false});
  EXPECT_THAT(put_error({.id = "b", .uri = server.url("a.ppm")}).message, HasSubstr("no public address"));
  EXPECT_FALSE(engine_->pull_model("mobilenetv2", server.url("")));
}

TEST_F(ItemsTest, PicturesThatNothingNamesAreSwept) {
  put({.id = "a", .bytes = picture_bytes(1)});
  put({.id = "b", .bytes = picture_bytes(2)});
  const std::vector<std::string> gone = {"b"};
  need(engine_->erase("c", gone));
  // Young ones stay; their age is tested with the sweep itself.
  reopen({.data_dir = {}, .run_jobs = true});
  EXPECT_EQ(need(engine_->picture("c", "a")).bytes, picture_bytes(1));
  EXPECT_EQ(put({.id = "again", .uri = "stored:" + sha256_hex(picture_bytes(2))}).outcome, PutOutcome::created);
}

}  // namespace
}  // namespace eidetic
