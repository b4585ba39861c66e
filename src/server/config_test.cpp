#include "server/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ConfigFile : public testing::Test {
 protected:
  Result<ServerConfig> load(std::string_view toml, const Environment& environment = {}) {
    std::ofstream(file_) << toml;
    return load_config(file_, environment);
  }
  std::string refusal_of(std::string_view toml, const Environment& environment = {}) {
    const auto config = load(toml, environment);
    if (config) return "";
    EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
    return config.error().message;
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_ / "eidetic.toml";
};

std::string refusal_of(const Environment& environment) {
  const auto config = load_config({}, environment);
  return config ? "" : config.error().message;
}

TEST_F(ConfigFile, MayBeAbsentOrEmpty) {
  for (const auto& config : {load_config({}, {}), load("")}) {
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->listen.address, "127.0.0.1");
    EXPECT_EQ(config->listen.port, 8890);
    EXPECT_EQ(config->limits.body_bytes, 67'108'864U);
    EXPECT_TRUE(config->auth.tokens.empty());
  }
}

TEST_F(ConfigFile, ThatIsNamedHasToBeThere) {
  const auto config = load_config(directory_ / "other.toml", {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::not_found);
  EXPECT_THAT(config.error().message, HasSubstr("other.toml"));
}

TEST_F(ConfigFile, SetsEveryKindOfKey) {
  const auto config = load(R"(
    [listen]
    port = 0
    [auth]
    open_metrics = true
    [limits]
    idle_timeout_s = 2.5
    request_timeout_s = 3
    [cors]
    origins = ["https://a.example", "*"]
    [log]
    format = "json"
    [data]
    folder = "/srv/eidetic")");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen.port, 0);
  EXPECT_TRUE(config->auth.open_metrics);
  EXPECT_EQ(config->limits.idle_timeout_s, 2.5);
  EXPECT_EQ(config->limits.request_timeout_s, 3);
  EXPECT_THAT(config->cors.origins, ElementsAre("https://a.example", "*"));
  EXPECT_EQ(config->log.format, "json");
  EXPECT_EQ(config->data.folder, "/srv/eidetic");
}

TEST_F(ConfigFile, IsOverriddenByTheEnvironment) {
  const auto config = load("[listen]\nport = 1\n[cors]\norigins = [\"a\"]\n", {{"EIDETIC_LISTEN_PORT", "2"},
                                                                               {"EIDETIC_CORS_ORIGINS", "b, c"},
                                                                               {"EIDETIC_FETCH_ALLOW_PRIVATE", "true"},
                                                                               {"EIDETIC_FETCH_TIMEOUT_S", "1.5"},
                                                                               {"EIDETIC_LOG_LEVEL", "debug"},
                                                                               {"EIDETIC_MODELS", "/m"},
                                                                               {"PATH", "/bin"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen.port, 2);
  EXPECT_THAT(config->cors.origins, ElementsAre("b", "c"));
  EXPECT_TRUE(config->fetch.allow_private);
  EXPECT_EQ(config->fetch.timeout_s, 1.5);
  EXPECT_EQ(config->log.level, "debug");
}

TEST_F(ConfigFile, WithAnUnknownNameIsRefusedWithTheNearestOne) {
  EXPECT_THAT(refusal_of("[limits]\nbody_byte = 1\n"), AllOf(HasSubstr("eidetic.toml"), HasSubstr("'limits.body_byte'"),
                                                             HasSubstr("did you mean 'limits.body_bytes'")));
  EXPECT_THAT(refusal_of("[limit]\nbody_bytes = 1\n"), HasSubstr("unknown section 'limit'; did you mean 'limits'"));
  EXPECT_THAT(refusal_of("port = 1\n"), HasSubstr("unknown key 'port'"));
  EXPECT_THAT(refusal_of("listen = 1\n"), HasSubstr("[listen]"));
  EXPECT_THAT(refusal_of("", {{"EIDETIC_LISTEN_PROT", "1"}}),
              AllOf(HasSubstr("'EIDETIC_LISTEN_PROT'"), HasSubstr("EIDETIC_LISTEN_PORT")));
}

TEST_F(ConfigFile, WithAValueThatDoesNotFitSaysWhatDoes) {
  EXPECT_THAT(refusal_of("[listen]\nport = 65536\n"),
              AllOf(HasSubstr("listen.port is 65536"), HasSubstr("from 0 to 65535")));
  EXPECT_THAT(refusal_of("[listen]\nport = -1\n"), HasSubstr("listen.port is -1"));
  EXPECT_THAT(refusal_of("[listen]\nport = 1.5\n"), HasSubstr("a whole number"));
  EXPECT_THAT(refusal_of("[listen]\nport = \"1\"\n"), HasSubstr("listen.port is '1'"));
  EXPECT_THAT(refusal_of("[listen]\nport = 1979-05-27\n"), HasSubstr("a date or time"));
  EXPECT_THAT(refusal_of("[listen.port]\n"), HasSubstr("listen.port is a table"));
  EXPECT_THAT(refusal_of("[limits]\nidle_timeout_s = nan\n"), HasSubstr("it takes a number from"));
  EXPECT_THAT(refusal_of("[log]\nlevel = \"loud\"\n"), HasSubstr("one of debug, info, warning, error"));
  EXPECT_THAT(refusal_of("[auth]\nopen_metrics = 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(refusal_of("[cors]\norigins = [1]\n"), HasSubstr("a list of texts"));
  EXPECT_THAT(refusal_of("[cors]\norigins = \"*\"\n"), HasSubstr("a list of texts"));
  EXPECT_THAT(refusal_of("", {{"EIDETIC_LISTEN_PORT", "many"}}),
              AllOf(HasSubstr("EIDETIC_LISTEN_PORT"), HasSubstr("'many'"), HasSubstr("a whole number")));
}

TEST_F(ConfigFile, WithASyntaxErrorSaysWhere) {
  EXPECT_THAT(refusal_of("[listen]\nport = \n"), AllOf(HasSubstr("eidetic.toml"), HasSubstr("line 2, column")));
  EXPECT_THAT(refusal_of("[listen]\nport = 1\nport = 2\n"), HasSubstr("line 3"));
}

TEST_F(ConfigFile, HasTokensOfThreeSources) {
  std::ofstream(directory_ / "secret") << "from-the-file\n";
  const auto config = load(fmt::format(R"(
    [auth]
    token = "short-hand"
    tokens = [{{token = "plain", role = "read", name = "web"}},
              {{token_file = "{}", role = "write"}},
              {{token_env = "SHOP_TOKEN", role = "admin"}}])",
                                       (directory_ / "secret").native()),
                           {{"SHOP_TOKEN", "from-the-variable"}, {"EIDETIC_TOKEN", "last"}});
  ASSERT_TRUE(config) << config.error().message;
  const Tokens tokens(config->auth.tokens);
  EXPECT_EQ(tokens.identify("Bearer short-hand")->role, Role::admin);
  EXPECT_EQ(tokens.identify("Bearer plain")->role, Role::read);
  EXPECT_EQ(tokens.identify("Bearer plain")->name, "web");
  EXPECT_EQ(tokens.identify("Bearer from-the-file")->role, Role::write);
  EXPECT_EQ(tokens.identify("Bearer from-the-variable")->role, Role::admin);
  EXPECT_EQ(tokens.identify("Bearer last")->role, Role::admin);
}

TEST_F(ConfigFile, TakesTokensFromTheEnvironment) {
  const auto config = load("", {{"EIDETIC_AUTH_TOKENS", "read:abc, write:d:ef"}});
  ASSERT_TRUE(config) << config.error().message;
  const Tokens tokens(config->auth.tokens);
  EXPECT_EQ(tokens.identify("Bearer abc")->role, Role::read);
  EXPECT_EQ(tokens.identify("Bearer d:ef")->role, Role::write);
  EXPECT_THAT(eidetic::refusal_of({{"EIDETIC_AUTH_TOKENS", "abc"}}), HasSubstr("role:token"));
  EXPECT_THAT(eidetic::refusal_of({{"EIDETIC_AUTH_TOKENS", "boss:abc"}}), HasSubstr("read, write or admin"));
}

TEST_F(ConfigFile, WithATokenThatIsNoneIsRefused) {
  const auto refused = [this](std::string_view entry) {
    return refusal_of(fmt::format("[auth]\ntokens = [{}]\n", entry));
  };
  EXPECT_THAT(refused(R"({role = "read"})"), HasSubstr("auth.tokens[0] needs exactly one of token, token_file"));
  EXPECT_THAT(refused(R"({token = "a", token_env = "B", role = "read"})"), HasSubstr("exactly one of"));
  EXPECT_THAT(refused(R"({token = "a"})"), HasSubstr("read, write or admin"));
  EXPECT_THAT(refused(R"({token = "a b", role = "read"})"), HasSubstr("no blanks"));
  EXPECT_THAT(refused(R"({token = "a", roll = "read"})"), HasSubstr("did you mean 'role'"));
  EXPECT_THAT(refused(R"({token_env = "NOT_SET", role = "read"})"), HasSubstr("NOT_SET of token_env is not set"));
  EXPECT_THAT(refused(R"({token = "a", role = "read"}, {token = "a", role = "write"})"), HasSubstr("there already"));
  EXPECT_THAT(refused("1"), HasSubstr("takes a table"));
  EXPECT_THAT(refusal_of("[auth]\ntokens = \"a\"\n"), HasSubstr("a list of tables"));
  const auto missing = load("[auth]\ntokens = [{token_file = \"/not/there\", role = \"read\"}]\n");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/not/there"));
}

TEST_F(ConfigFile, NeedsATokenThatHoldsWhereOthersReachTheServer) {
  for (const std::string address : {"0.0.0.0", "192.168.0.1", "::", "::ffff:8.8.8.8"}) {
    const std::string listen = fmt::format("[listen]\naddress = \"{}\"\n[auth]\n", address);
    EXPECT_THAT(refusal_of(listen), AllOf(HasSubstr("[auth]"), HasSubstr(address)));
    for (const std::string_view weak : {"secrettoken", "changeme", "token", "123456789012345"}) {
      EXPECT_THAT(refusal_of(fmt::format("{}token = \"{}\"\n", listen, weak)), HasSubstr("16 characters"));
    }
    EXPECT_EQ(refusal_of(listen + "token = \"1234567890123456\"\n"), "");
    EXPECT_EQ(refusal_of(listen, {{"EIDETIC_TOKEN", "1234567890123456"}}), "");
  }
  for (const std::string address : {"127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(refusal_of(fmt::format("[listen]\naddress = \"{}\"\n[auth]\ntoken = \"secrettoken\"\n", address)), "");
  }
  EXPECT_THAT(refusal_of("[listen]\naddress = \"everywhere\"\n"), HasSubstr("0.0.0.0 or :: for all"));
}

TEST_F(ConfigFile, NeedsBothFilesForTls) {
  EXPECT_THAT(refusal_of("[listen]\ntls_certificate = \"a.pem\"\n"), HasSubstr("listen.tls_key is not"));
  EXPECT_THAT(refusal_of("[listen]\ntls_key = \"a.pem\"\n"), HasSubstr("listen.tls_certificate is not"));
}

TEST_F(ConfigFile, ResolvesTheAllowedFolders) {
  std::filesystem::create_directory(directory_ / "real");
  std::filesystem::create_directory_symlink(directory_ / "real", directory_ / "link");
  const auto config = load(fmt::format("[paths]\nallowed = [\"{}\"]\n", (directory_ / "link").native()));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->paths.allowed, ElementsAre(std::filesystem::canonical(directory_ / "real")));
  EXPECT_THAT(refusal_of("[paths]\nallowed = [\"/not/there\"]\n"), HasSubstr("'/not/there' is no folder"));
  EXPECT_THAT(refusal_of(fmt::format("[paths]\nallowed = [\"{}\"]\n", file_.native())), HasSubstr("is no folder"));
}

// --- the documents say the same ---

std::string text_of(std::string_view name) {
  const auto text = read_text(std::filesystem::path(EIDETIC_SOURCE_DIR) / name);
  EXPECT_TRUE(text) << name;
  return text.value_or("");
}

TEST(ConfigDocuments, HaveARowForEveryKeyAndNoOther) {
  std::set<std::string> expected;
  for (const auto& key : config_keys()) {
    expected.insert(fmt::format("| `{}` | `{}` | `{}` |", key.name, key.variable, key.default_value));
  }
  std::set<std::string> rows;
  std::istringstream document(text_of("docs/configuration.md"));
  for (std::string line; std::getline(document, line);) {
    std::smatch row;
    if (std::regex_search(line, row, std::regex("^\\| `[a-z0-9]+\\.[a-z_]+` \\| `[^`]*` \\| `[^`]*` \\|")))
      rows.insert(row.str());
  }
  EXPECT_EQ(rows, expected);
}

TEST(ConfigDocuments, HaveAnExampleWithEveryDefault) {
  std::set<std::string> expected;
  for (const auto& key : config_keys()) expected.insert(fmt::format("{} = {}", key.name, key.default_value));
  std::set<std::string> settings;
  std::istringstream document(text_of("deploy/eidetic.toml"));
  std::string section;
  for (std::string line; std::getline(document, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("\\[([a-z0-9]+)\\]"))) section = match[1];
    if (std::regex_match(line, match, std::regex("#([a-z_]+ = .*?) *( #.*)?"))) {
      settings.insert(section + "." + match[1].str());
    }
  }
  EXPECT_EQ(settings, expected);
  const auto config = load_config(std::filesystem::path(EIDETIC_SOURCE_DIR) / "deploy/eidetic.toml", {});
  EXPECT_TRUE(config) << config.error().message;
}

TEST_F(ConfigFile, MayBeTheExampleWithEveryDefaultSet) {
  std::string text;
  std::string section;
  for (const auto& key : config_keys()) {
    const auto dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) text += fmt::format("[{}]\n", section = key.name.substr(0, dot));
    text += fmt::format("{} = {}\n", key.name.substr(dot + 1), key.default_value);
  }
  EXPECT_EQ(refusal_of(text), "");
}

}  // namespace
}  // namespace eidetic
