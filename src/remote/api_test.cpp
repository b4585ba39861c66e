#include "remote/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/test_files.h"
#include "net/test_server.h"

namespace eidetic::remote {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A server that answers with what is in files.
class RemoteApi : public testing::Test {
 protected:
  void answer(std::string_view name, std::string_view body, std::string_view status = "") {
    const auto file = folder_ / fmt::format("api/v1/{}", name);
    ASSERT_TRUE(make_directories(file.parent_path()));
    ASSERT_TRUE(write_file_atomically(file, body));
    if (!status.empty()) ASSERT_TRUE(write_file_atomically(file.native() + ".status", status));
  }
  [[nodiscard]] Api api(std::string token = "") const {
    return Api::open({.url = server_.url("api/"), .token = std::move(token), .tries = 3, .max_wait_s = 0.01}).value();
  }
  Error error_of(std::string_view code, std::string_view status, std::string token = "") {
    answer("x", fmt::format(R"({{"code": "{}", "detail": "the detail"}})", code), status);
    const auto json = api(std::move(token)).call({.path = {"v1", "x"}});
    return json ? Error{ErrorCode::internal, "no error"} : json.error();
  }
  [[nodiscard]] auto times_asked(std::string_view what) const {
    const std::string all = server_.requests();
    std::ptrdiff_t times = 0;
    for (auto at = all.find(what); at != std::string::npos; at = all.find(what, at + 1)) ++times;
    return times;
  }

  TemporaryDirectory folder_;
  TestServer server_{folder_.path()};
};

TEST_F(RemoteApi, ReadsDocuments) {
  answer("x", R"({"a": 1})");
  EXPECT_EQ(api().call({.path = {"v1", "x"}}).value(), Json({{"a", 1}}));
  EXPECT_EQ(api().ask({.path = {"v1", "x"}}, [](const Json& json) { return json.at("a").get<int>(); }), 1);
  const auto other = api().ask({.path = {"v1", "x"}}, [](const Json& json) { return json.at("b").get<int>(); });
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::unavailable);
  EXPECT_THAT(other.error().message, HasSubstr("does not answer like an Eidetic server"));
}

TEST_F(RemoteApi, TurnsProblemsIntoErrors) {
  EXPECT_EQ(error_of("not_found", "404").code, ErrorCode::not_found);
  EXPECT_EQ(error_of("not_found", "404").message, "the detail");
  EXPECT_EQ(error_of("already_exists", "409").code, ErrorCode::already_exists);
  EXPECT_EQ(error_of("too_large", "413").code, ErrorCode::overloaded);
  EXPECT_EQ(error_of("timeout", "408").code, ErrorCode::overloaded);
  EXPECT_EQ(error_of("method_not_allowed", "405").code, ErrorCode::internal);
  const Error unauthorized = error_of("unauthorized", "401");
  EXPECT_EQ(unauthorized.code, ErrorCode::invalid_argument);
  EXPECT_THAT(unauthorized.message, AllOf(HasSubstr("--token"), HasSubstr("the detail")));
  const Error forbidden = error_of("forbidden", "403", "secret");
  EXPECT_EQ(forbidden.code, ErrorCode::invalid_argument);
  EXPECT_THAT(forbidden.message, AllOf(HasSubstr("--token"), Not(HasSubstr("secret"))));
}

TEST_F(RemoteApi, KnowsWhatIsNoEideticServer) {
  answer("x", "<html>");
  EXPECT_THAT(api().call({.path = {"v1", "x"}}).error().message, HasSubstr("does not answer like an Eidetic server"));
  const Error missing = api().call({.path = {"v1", "nothing"}}).error();
  EXPECT_EQ(missing.code, ErrorCode::unavailable);
  EXPECT_THAT(missing.message, AllOf(HasSubstr("does not answer like"), HasSubstr("404")));
  answer("moved", "", "301\nLocation: https://elsewhere/");
  EXPECT_THAT(api().call({.path = {"v1", "moved"}}).error().message, HasSubstr("https://elsewhere/"));
}

TEST_F(RemoteApi, ComesBackToABusyServer) {
  answer("x", "{}", "503 2\nRetry-After: 1");
  EXPECT_TRUE(api().call({.method = "POST", .path = {"v1", "x"}, .repeatable = false}));
  EXPECT_EQ(times_asked("POST /api/v1/x"), 3);
  answer("full", R"({"code": "too_many_requests", "detail": "slower"})", "429");
  const auto full = api().call({.path = {"v1", "full"}});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::overloaded);
  EXPECT_EQ(times_asked("GET /api/v1/full"), 3);
}

TEST_F(RemoteApi, NamesAServerThatIsNotThere) {
  const auto json = Api::open({.url = "http://me:secret@127.0.0.1:1", .tries = 2})->call({.path = {"v1", "x"}});
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, ErrorCode::unavailable);
  EXPECT_THAT(json.error().message, AllOf(HasSubstr("'http://127.0.0.1:1' does not answer"), Not(HasSubstr("secret"))));
}

TEST_F(RemoteApi, SendsTheTokenAndEncodesPaths) {
  const auto echo = Api::open({.url = server_.url("-"), .token = "abc"})
                        ->call({.method = "PUT", .path = ApiPath{"a/b ä", ".."}.with("x", "1&2").with("y", "")});
  ASSERT_TRUE(echo) << echo.error().message;
  EXPECT_EQ((*echo)["headers"]["authorization"], "Bearer abc");
  EXPECT_EQ((*echo)["path"], "/-/a%2Fb%20%C3%A4/%2E%2E?x=1%262&y=");
  ApiPath path{"a"};
  path = std::move(path).with("x", "1");
  EXPECT_EQ(path.text(), "/a?x=1");
}

TEST(RemoteApiOptions, AreChecked) {
  for (const auto* url : {"", "localhost:80", "ftp://x", "/path"}) {
    EXPECT_EQ(Api::open({.url = url}).error().code, ErrorCode::invalid_argument) << url;
  }
  const auto split = Api::open({.url = "http://x", .token = "a\r\nX-Other: b"});
  ASSERT_FALSE(split);
  EXPECT_THAT(split.error().message, Not(HasSubstr("X-Other")));
}

}  // namespace
}  // namespace eidetic::remote
