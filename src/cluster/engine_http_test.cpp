#include "cluster/engine_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace eidetic {
namespace {

using testing::HasSubstr;

TEST(ClusterUrl, NamesEngineHostAndPrefix) {
  const auto plain = parse_cluster_url("opensearch://Search.example").value();
  EXPECT_EQ(plain.kind, ClusterKind::opensearch);
  EXPECT_EQ(plain.base, "http://search.example:9200");
  EXPECT_EQ(plain.prefix, "eidetic");
  EXPECT_EQ(plain.name, "opensearch://search.example:9200");
  const auto full = parse_cluster_url("elasticsearchs://ann@[::1]:9243/photos/").value();
  EXPECT_EQ(full.kind, ClusterKind::elasticsearch);
  EXPECT_EQ(full.base, "https://[::1]:9243");
  EXPECT_EQ(full.user, "ann");
  EXPECT_EQ(full.prefix, "photos");
  EXPECT_EQ(full.name, "elasticsearchs://[::1]:9243/photos");
  EXPECT_EQ(parse_cluster_url("qdrant://q")->base, "http://q:6333");
  EXPECT_EQ(parse_cluster_url("qdrants://q")->base, "https://q:6333");
}

TEST(ClusterUrl, RefusesTheRestAndSaysWhatIsRight) {
  for (const std::string url : {"", "localhost:9200", "http://localhost:9200", "opensearch://", "opensearch://:9200",
                                "opensearch://a:0", "opensearch://a:70000", "opensearch://a b", "opensearch://a/B",
                                "opensearch://a/b/c", "opensearchss://a", "opensearch://a:9200?x=y"}) {
    const auto parsed = parse_cluster_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(parsed.error().message, HasSubstr("opensearch://host:9200")) << url;
  }
  const auto with_password = parse_cluster_url("opensearch://ann:secret@a");
  EXPECT_THAT(with_password.error().message, HasSubstr("password_file"));
  EXPECT_THAT(with_password.error().message, testing::Not(HasSubstr("secret")));
}

TEST(EngineHttp, SaysWhoDoesNotAnswer) {
  ClusterOptions options{.url = "opensearch://127.0.0.1:9", .password = {}, .api_key = {}};
  options.wait_s = 0;
  const EngineHttp engine(options, parse_cluster_url(options.url).value());
  const auto answer = engine.exchange({.path = "/x?y=z", .patience = EngineHttp::Patience::write});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unreachable);
  EXPECT_THAT(answer.error().message, HasSubstr("OpenSearch at http://127.0.0.1:9"));
}

}  // namespace
}  // namespace eidetic
