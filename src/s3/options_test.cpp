#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eidetic/s3.h"

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using ::testing::HasSubstr;

class S3OptionsFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_directories(home_ / ".aws"));
    ASSERT_TRUE(
        write_file_atomically(home_ / ".aws/credentials",
                              "# keys\n[default]\naws_access_key_id = file-key\naws_secret_access_key=file=secret\n"
                              "\n[other]\naws_access_key_id = other-key\naws_secret_access_key = other-secret\n"
                              "aws_session_token = other-token\n"));
    ASSERT_TRUE(write_file_atomically(home_ / ".aws/config",
                                      "[default]\nregion = eu-west-1\ns3 =\n  region = nowhere\n"
                                      "[profile other]\nregion = eu-north-1\nendpoint_url = https://minio:9000\n"));
  }

  TemporaryDirectory home_;
  std::map<std::string, std::string> environment_ = {{"HOME", (home_ / "").native()}};
};

TEST_F(S3OptionsFiles, AreReadOfTheDefaultProfile) {
  const auto options = read_s3_options(environment_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->access_key, "file-key");
  EXPECT_EQ(options->secret_key, "file=secret");
  EXPECT_EQ(options->region, "eu-west-1");
  EXPECT_EQ(options->endpoint, "");
  EXPECT_THAT(options->keys_from, HasSubstr(".aws/credentials"));
}

TEST_F(S3OptionsFiles, AreReadOfANamedProfile) {
  environment_["AWS_PROFILE"] = "other";
  const auto options = read_s3_options(environment_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->access_key, "other-key");
  EXPECT_EQ(options->session_token, "other-token");
  EXPECT_EQ(options->region, "eu-north-1");
  EXPECT_EQ(options->endpoint, "https://minio:9000");
}

TEST_F(S3OptionsFiles, GiveWayToTheEnvironment) {
  environment_["AWS_PROFILE"] = "other";
  environment_["AWS_ACCESS_KEY_ID"] = "own-key";
  environment_["AWS_SECRET_ACCESS_KEY"] = "own-secret";
  environment_["AWS_REGION"] = "us-west-2";
  environment_["AWS_ENDPOINT_URL"] = "http://any";
  environment_["AWS_ENDPOINT_URL_S3"] = "http://s3";
  const auto options = read_s3_options(environment_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->access_key, "own-key");
  EXPECT_EQ(options->secret_key, "own-secret");
  EXPECT_EQ(options->session_token, "");  // that of the file is not for these keys
  EXPECT_EQ(options->region, "us-west-2");
  EXPECT_EQ(options->endpoint, "http://s3");
}

TEST_F(S3OptionsFiles, AProfileThatIsNowhereIsNamed) {
  environment_["AWS_PROFILE"] = "mistyped";
  const auto options = read_s3_options(environment_);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(options.error().message, HasSubstr("mistyped"));
}

TEST(S3OptionsOfNothing, AreTheDefaults) {
  const auto options = read_s3_options({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->region, "us-east-1");
  EXPECT_EQ(options->access_key, "");
}

}  // namespace
}  // namespace eidetic
