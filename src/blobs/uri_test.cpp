#include "blobs/uri.h"

#include <gtest/gtest.h>

namespace eidetic {
namespace {

TEST(UriScheme, TellsUrisFromPaths) {
  EXPECT_EQ(uri_scheme("HTTPS://example.org/x"), "https");
  EXPECT_EQ(uri_scheme("s3://bucket/key"), "s3");
  EXPECT_EQ(uri_scheme("file:/x"), "file");
  EXPECT_EQ(uri_scheme("data:,x"), "data");
  for (const auto* path : {"", "x.jpg", "/a/b", "a:b.jpg", "12:30.jpg", "photo 1://x", "c:/x", "://x", "3d://x"}) {
    EXPECT_EQ(uri_scheme(path), "") << path;
  }
}

TEST(StoredUri, HoldsTheHash) {
  EXPECT_EQ(uri_scheme(stored_uri("3fb2")), "stored");
  EXPECT_EQ(hash_of_stored(stored_uri("3fb2")), "3fb2");
  for (const auto* uri : {"", "stored", "3fb2", "file:/stored:3fb2", "data:,stored:1"}) {
    EXPECT_EQ(hash_of_stored(uri), std::nullopt) << uri;
  }
}

TEST(FileUri, ComesBackAsThePathItWas) {
  for (const auto* path : {"/a/b.jpg", "/имя файла/写真 #1?.jpg", "/100%/%41.jpg",
                           "/a\xFF"
                           "b"}) {
    EXPECT_EQ(file_of_uri(file_uri(path)), path);
  }
  EXPECT_EQ(file_uri("/a b/ä.jpg"), "file:///a%20b/%C3%A4.jpg");
  EXPECT_EQ(file_uri("x.jpg"), file_uri(std::filesystem::current_path() / "x.jpg"));
}

TEST(FileOfUri, TakesTheFormsThatAreInUse) {
  EXPECT_EQ(file_of_uri("file:/a/b"), "/a/b");
  EXPECT_EQ(file_of_uri("FILE://localhost/a%20b"), "/a b");
  EXPECT_EQ(file_of_uri("a%20b.jpg"), "a%20b.jpg");
}

TEST(FileOfUri, RefusesOtherHostsAndBrokenEscapes) {
  for (const auto* uri : {"file://server/a", "file:a", "file:///a%2", "file:///a%zz", "file:///a%00b", "http://a/b"}) {
    EXPECT_EQ(file_of_uri(uri), std::nullopt) << uri;
  }
}

}  // namespace
}  // namespace eidetic
