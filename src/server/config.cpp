#include "server/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "eidetic/cluster.h"

#include "base/file.h"
#include "base/text.h"
#include "base/toml.h"
#include "cluster/engine_http.h"
#include "server/config_keys.h"

namespace eidetic {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr std::size_t kMinPublicToken = 16;  // characters
constexpr std::string_view kTokenKeys = "token, token_file, token_env";

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

// --- tokens ---

// A token from where one entry of [auth] tokens has it: itself, a file, or a variable.
struct TokenSource {
  std::string token = {}, token_file = {}, token_env = {}, role = {}, name = {};
};

Result<std::string> token_of(const TokenSource& source, const std::string& where, const Environment& environment) {
  const auto given = std::ranges::count_if(std::array{&source.token, &source.token_file, &source.token_env},
                                           [](const std::string* text) { return !text->empty(); });
  if (given != 1) return refuse(fmt::format("{} needs exactly one of {}", where, kTokenKeys));
  if (!source.token.empty()) return source.token;
  if (!source.token_env.empty()) {
    const auto variable = environment.find(source.token_env);
    if (variable != environment.end() && !trim(variable->second).empty()) return std::string(trim(variable->second));
    return refuse(fmt::format("{}: the variable {} of token_env is not set", where, source.token_env));
  }
  auto text = read_text(source.token_file, kMaxConfigBytes);
  if (!text) return fail(text.error().code, fmt::format("{}: token_file: {}", where, text.error().message));
  if (trim(*text).empty()) return refuse(fmt::format("{}: token_file {} is empty", where, source.token_file));
  return std::string(trim(*text));
}

// Tokens travel in a header, where blanks and control characters would not arrive.
Result<void> add_token(ServerConfig& config, const TokenSource& source, const std::string& where,
                       const Environment& environment) {
  EIDETIC_TRY(auto token, token_of(source, where, environment));
  if (std::ranges::any_of(token, [](char letter) { return letter <= ' ' || letter > '~'; })) {
    return refuse(fmt::format("{}: a token holds visible ASCII characters only, and no blanks", where));
  }
  const auto role = parse_role(source.role);
  if (!role) return refuse(fmt::format("{}: role is '{}'; it takes read, write or admin", where, source.role));
  const auto same = [&](const Token& known) { return known.token == token; };
  if (std::ranges::any_of(config.auth.tokens, same)) {
    return refuse(fmt::format("{}: the same token is there already", where));
  }
  config.auth.tokens.push_back({std::move(token), *role, source.name});
  return {};
}

Result<TokenSource> token_source(const Json& table, const std::string& where) {
  TokenSource source;
  const std::vector<std::pair<std::string, std::string*>> fields = {{"token", &source.token},
                                                                    {"token_file", &source.token_file},
                                                                    {"token_env", &source.token_env},
                                                                    {"role", &source.role},
                                                                    {"name", &source.name}};
  for (const auto& [key, node] : table.items()) {
    const auto known = std::ranges::find(fields, key, &std::pair<std::string, std::string*>::first);
    if (known == fields.end()) {
      std::vector<std::string> names;
      for (const auto& field : fields) names.push_back(field.first);
      return refuse(fmt::format("{} has the unknown key '{}'{}", where, key, did_you_mean(key, names)));
    }
    if (!node.is_string()) return refuse(fmt::format("{}: {} takes a text", where, key));
    *known->second = node.get<std::string>();
  }
  return source;
}

// [auth] token and tokens: not of a type that a list of keys can hold.
Result<void> read_tokens(ServerConfig& config, const Json& node, std::string_view key, const std::string& file,
                         const Environment& environment) {
  const std::string where = fmt::format("{}: auth.{}", file, key);
  if (key == "token") {
    if (!node.is_string()) return refuse(where + " takes a text");
    const auto token = node.get<std::string>();
    return token.empty() ? Result<void>() : add_token(config, {.token = token, .role = "admin"}, where, environment);
  }
  if (!node.is_array()) return refuse(where + " takes a list of tables: {token = \"…\", role = \"read\"}");
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string here = fmt::format("{}[{}]", where, i);
    if (!node[i].is_object()) return refuse(here + " takes a table: {token = \"…\", role = \"read\"}");
    EIDETIC_TRY(auto source, token_source(node[i], here));
    EIDETIC_CHECK(add_token(config, source, here, environment));
  }
  return {};
}

// "read:abc,admin:def"
Result<void> read_token_list(ServerConfig& config, std::string_view text, const std::string& variable,
                             const Environment& environment) {
  for (const std::string_view part : split(text, ',')) {
    if (trim(part).empty()) continue;
    const auto colon = part.find(':');
    if (colon == std::string_view::npos) {
      return refuse(fmt::format("{} takes a list of role:token, separated by commas", variable));
    }
    const TokenSource source = {.token = std::string(trim(part.substr(colon + 1))),
                                .role = std::string(trim(part.substr(0, colon)))};
    EIDETIC_CHECK(add_token(config, source, variable, environment));
  }
  return {};
}

// --- the file ---

std::string kind_of(const Json& node) {
  if (node.is_object()) return "a table";
  if (node.is_array()) return "a list with values of another type";
  return "a date or time";
}

// nullopt: of a type that no key takes.
std::optional<ConfigValue> value_of(const Json& node) {
  if (node.is_boolean()) return node.get<bool>();
  if (node.is_number_integer()) return node.get<std::int64_t>();
  if (node.is_number_float()) return node.get<double>();
  if (node.is_string()) return node.get<std::string>();
  const bool texts = node.is_array() && std::ranges::all_of(node, [](const Json& one) { return one.is_string(); });
  if (!texts) return std::nullopt;
  return node.get<std::vector<std::string>>();
}

bool is_token_key(std::string_view section, std::string_view key) {
  return section == "auth" && (key == "token" || key == "tokens");
}

Result<void> read_section(ServerConfig& config, std::string_view section, const Json& table, const std::string& file,
                          const Environment& environment) {
  const auto fields = config_fields(config);
  for (const auto& [key, node] : table.items()) {
    if (is_token_key(section, key)) {
      EIDETIC_CHECK(read_tokens(config, node, key, file, environment));
      continue;
    }
    const std::string name = fmt::format("{}.{}", section, key);
    const auto field = std::ranges::find(fields, name, &ConfigField::name);
    if (field == fields.end()) {
      std::vector<std::string> known;
      for (const auto& one : config_keys()) known.push_back(one.name);
      return refuse(fmt::format("{}: unknown key '{}'{}", file, name, did_you_mean(name, known)));
    }
    const auto value = value_of(node);
    if (!value) return refuse(fmt::format("{}: {} is {}; it takes {}", file, name, kind_of(node), field->allowed()));
    EIDETIC_CHECK(field->set(*value, file));
  }
  return {};
}

Result<void> read_config_file(ServerConfig& config, const std::filesystem::path& file, const Environment& environment) {
  EIDETIC_TRY(const auto text, read_text(file, kMaxConfigBytes));
  EIDETIC_TRY(const auto document, parse_toml(text, file.native()));
  std::vector<std::string> sections;
  for (const auto& field : config_fields(config)) sections.emplace_back(field.section);
  for (const auto& [section, node] : document.values.items()) {
    if (std::ranges::find(sections, section) == sections.end()) {
      return refuse(fmt::format("{}: unknown {} '{}'{}", file.native(), node.is_object() ? "section" : "key", section,
                                did_you_mean(section, sections)));
    }
    if (!node.is_object()) return refuse(fmt::format("{0}: {1} is a section: [{1}]", file.native(), section));
    EIDETIC_CHECK(read_section(config, section, node, file.native(), environment));
  }
  return {};
}

// --- the environment ---

// Whether a variable has the name of a section in it; others that begin with EIDETIC_ are of other programs.
bool names_a_section(std::string_view variable, const std::vector<ConfigKey>& keys) {
  return std::ranges::any_of(keys, [&](const ConfigKey& key) {
    const std::string_view name = key.variable;
    const std::size_t section = key.name.find('.');
    return variable.starts_with(name.substr(0, std::string_view("EIDETIC__").size() + section));
  });
}

Result<void> read_environment(ServerConfig& config, const Environment& environment) {
  const auto fields = config_fields(config);
  const auto keys = config_keys();
  for (const auto& [variable, value] : environment) {
    if (variable == "EIDETIC_AUTH_TOKENS") {
      EIDETIC_CHECK(read_token_list(config, value, variable, environment));
    } else if (variable == "EIDETIC_TOKEN" || variable == "EIDETIC_AUTH_TOKEN") {
      if (trim(value).empty()) continue;
      const TokenSource source = {.token = std::string(trim(value)), .role = "admin"};
      EIDETIC_CHECK(add_token(config, source, variable, environment));
    } else if (const auto field = std::ranges::find(fields, variable, &ConfigField::variable); field != fields.end()) {
      EIDETIC_CHECK(field->set_text(value, variable));
    } else if (names_a_section(variable, keys)) {
      std::vector<std::string> known;
      for (const auto& key : keys) known.push_back(key.variable);
      return refuse(
          fmt::format("the environment has the unknown variable '{}'{}", variable, did_you_mean(variable, known)));
    }
  }
  return {};
}

// --- what has to fit together ---

bool holds(const Token& token) {
  constexpr std::array<std::string_view, 3> kKnownToAll = {"secrettoken", "changeme", "token"};
  return token.token.size() >= kMinPublicToken && std::ranges::find(kKnownToAll, token.token) == kKnownToAll.end();
}

Result<void> check_listen(ServerConfig& config, const std::string& source) {
  auto& listen = config.listen;
  if (listen.address == "localhost") listen.address = "127.0.0.1";
  std::array<unsigned char, 16> ignored{};
  if (inet_pton(AF_INET, listen.address.c_str(), ignored.data()) != 1 &&
      inet_pton(AF_INET6, listen.address.c_str(), ignored.data()) != 1) {
    return refuse(fmt::format("{}: listen.address is '{}'; it takes an IPv4 or IPv6 address, 0.0.0.0 or :: for all",
                              source, listen.address));
  }
  if (listen.tls_certificate.empty() != listen.tls_key.empty()) {
    return refuse(fmt::format("{}: listen.{} is set and listen.{} is not; TLS needs both", source,
                              listen.tls_key.empty() ? "tls_certificate" : "tls_key",
                              listen.tls_key.empty() ? "tls_key" : "tls_certificate"));
  }
  if (is_loopback(listen.address)) return {};
  if (config.auth.tokens.empty()) {
    return refuse(
        fmt::format("{}: listen.address is {}, which others reach, and nobody needs a token; set one in "
                    "[auth] (or in EIDETIC_TOKEN), or listen on 127.0.0.1",
                    source, listen.address));
  }
  if (!std::ranges::all_of(config.auth.tokens, holds)) {
    return refuse(
        fmt::format("{}: a token of [auth] is one that everybody knows, or shorter than {} characters, and "
                    "listen.address is {}, which others reach; `openssl rand -hex 32` makes a good one",
                    source, kMinPublicToken, listen.address));
  }
  return {};
}

// Folders as they are, without links, so that they compare with the files below them.
Result<void> resolve_folders(ServerConfig& config, const std::string& source) {
  for (auto& folder : config.paths.allowed) {
    std::error_code error;
    auto real = std::filesystem::canonical(folder, error);
    if (error || !std::filesystem::is_directory(real, error)) {
      return refuse(fmt::format("{}: paths.allowed: '{}' is no folder", source, folder.native()));
    }
    folder = std::move(real);
  }
  return {};
}

Result<void> take_secret(std::string& secret, const std::filesystem::path& file, std::string_view key,
                         const std::string& source) {
  if (file.empty()) return {};
  if (!secret.empty()) return refuse(fmt::format("{0}: either backend.{1} or backend.{1}_file is set", source, key));
  auto read = read_secret(file);
  if (!read) return fail(read.error().code, fmt::format("{}: backend.{}_file: {}", source, key, read.error().message));
  secret = *std::move(read);
  return {};
}

Result<void> check_backend(ServerConfig& config, const std::string& source) {
  auto& backend = config.backend;
  if (backend.url == kEmbeddedBackend) backend.url.clear();
  EIDETIC_CHECK(take_secret(backend.password, backend.password_file, "password", source));
  EIDETIC_CHECK(take_secret(backend.api_key, backend.api_key_file, "api_key", source));
  if (backend.url.empty()) return {};
  const auto address = parse_cluster_url(backend.url);
  return address ? Result<void>() : refuse(fmt::format("{}: backend.url: {}", source, address.error().message));
}

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const auto equals = variable.find('=');
    if (equals != std::string_view::npos) environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

bool is_loopback(std::string_view address) {
  const std::string text(address);
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24U) == 127;
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

Result<ServerConfig> load_config(const std::optional<std::filesystem::path>& file, const Environment& environment) {
  ServerConfig config;
  if (file) EIDETIC_CHECK(read_config_file(config, *file, environment));
  EIDETIC_CHECK(read_environment(config, environment));
  const std::string source = file ? file->native() : "the configuration";
  EIDETIC_CHECK(check_listen(config, source));
  EIDETIC_CHECK(resolve_folders(config, source));
  EIDETIC_CHECK(check_backend(config, source));
  EIDETIC_CHECK(s3_options(config, environment));
  return config;
}

Result<S3Options> s3_options(const ServerConfig& config, const Environment& environment) {
  const auto& given = config.s3;
  EIDETIC_TRY(S3Options options, read_s3_options(environment));
  const auto set = [](std::string& target, const std::string& value) {
    if (!value.empty()) target = value;
  };
  set(options.endpoint, given.endpoint);
  set(options.region, given.region);
  options.timeout_s = given.timeout_s;
  if (given.path_style != "auto") options.path_style = given.path_style == "true";
  if (given.access_key.empty() != (given.secret_key.empty() && given.secret_key_file.empty())) {
    return refuse("s3.access_key goes with one of s3.secret_key and s3.secret_key_file");
  }
  if (!given.secret_key.empty() && !given.secret_key_file.empty()) {
    return refuse("either s3.secret_key or s3.secret_key_file is set, not both");
  }
  if (given.access_key.empty()) return options;
  options.access_key = given.access_key;
  options.secret_key = given.secret_key;
  options.session_token = given.session_token;
  options.keys_from = "[s3] of the configuration";
  if (given.secret_key_file.empty()) return options;
  auto text = read_text(given.secret_key_file, kMaxConfigBytes);
  if (!text) return fail(text.error().code, fmt::format("s3.secret_key_file: {}", text.error().message));
  options.secret_key = trim(*text);
  if (options.secret_key.empty()) {
    return refuse(fmt::format("s3.secret_key_file: '{}' is empty", given.secret_key_file.native()));
  }
  return options;
}

std::vector<ConfigKey> config_keys() {
  ServerConfig defaults;
  std::vector<ConfigKey> keys;
  for (const auto& field : config_fields(defaults)) {
    if (field.section == "auth") {
      keys.push_back({"auth.token", "EIDETIC_AUTH_TOKEN", "\"\"", "a text"});
      keys.push_back({"auth.tokens", "EIDETIC_AUTH_TOKENS", "[]", "a list of tables"});
    }
    keys.push_back({field.name(), field.variable(), field.written(), field.allowed()});
  }
  return keys;
}

}  // namespace eidetic
