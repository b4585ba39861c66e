#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/test_files.h"
#include "net/test_server.h"
#include "remote/remote.h"

namespace eidetic::remote {
namespace {

// Of a server whose answers say what it was asked.
class RemoteEngineTest : public testing::Test {
 protected:
  static Json told(const Result<EncodedPicture>& answer) {
    if (!answer) return answer.error().message;
    return Json::parse(std::string_view(reinterpret_cast<const char*>(answer->bytes.data()), answer->bytes.size()));
  }

  TemporaryDirectory folder_;
  TestServer server_{folder_.path()};
  std::unique_ptr<Engine> engine_ = connect_engine({.url = server_.url(""), .tries = 1}).value();
};

TEST_F(RemoteEngineTest, APreviewIsAskedForWithWhatIsHere) {
  constexpr std::string_view kPicture = "a picture";
  const auto file = folder_ / "here.tif";
  ASSERT_TRUE(write_file_atomically(file, kPicture));
  for (const Json& asked : {told(engine_->preview(as_bytes(kPicture), 48)), told(engine_->preview(file.native(), 48)),
                            told(engine_->preview("file://" + file.native(), 48))}) {
    EXPECT_EQ(asked["method"], "POST");
    EXPECT_EQ(asked["path"], "/v1/preview?size=48");
    EXPECT_EQ(asked["headers"]["content-type"], "application/octet-stream");
    EXPECT_EQ(asked["sha256"], sha256_hex(as_bytes(kPicture)));
  }
  const Json asked = told(engine_->preview("https://example.org/a.jpg", 64));
  EXPECT_EQ(asked["path"], "/v1/preview?size=64");
  EXPECT_EQ(asked["headers"]["content-type"], "application/json");
  EXPECT_EQ(asked["sha256"], sha256_hex(as_bytes(R"({"uri":"https://example.org/a.jpg"})")));
}

TEST_F(RemoteEngineTest, AFileThatIsNotHereIsNotAskedFor) {
  const auto missing = engine_->preview((folder_ / "nothing.tif").native(), 48);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(server_.requests(), "");
}

}  // namespace
}  // namespace eidetic::remote
