#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "eidetic/s3.h"

#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

using Environment = std::map<std::string, std::string>;
using Section = std::map<std::string, std::string, std::less<>>;

// "" where it is not set.
std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::string first_of(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = variable(environment, name); !value.empty()) return value;
  }
  return "";
}

void set(std::string& target, std::string value) {
  if (!value.empty()) target = std::move(value);
}

// An INI file; of one section, what is set in it. Indented lines belong to a key above them, and to none that counts
// here. nullopt: no such section.
std::optional<Section> section_of(std::string_view text, std::string_view wanted) {
  std::optional<Section> section;
  bool inside = false;
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.starts_with('#') || line.starts_with(';') || raw.starts_with(' ') ||
        raw.starts_with('\t')) {
      continue;
    }
    if (line.starts_with('[') && line.ends_with(']')) {
      inside = trim(line.substr(1, line.size() - 2)) == wanted;
      if (inside && !section) section.emplace();
    } else if (const auto equals = line.find('='); inside && equals != std::string_view::npos) {
      section->insert_or_assign(to_lower(trim(line.substr(0, equals))), std::string(trim(line.substr(equals + 1))));
    }
  }
  return section;
}

struct ProfileFile {
  fs::path path;
  std::optional<Section> section = {};
};

Result<ProfileFile> read_profile(const Environment& environment, const std::string& named_by, const char* name,
                                 const std::string& section) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  ProfileFile file{.path = variable(environment, named_by)};
  const bool named = !file.path.empty();
  if (!named) {
    const std::string home = variable(environment, "HOME");
    if (home.empty()) return file;
    file.path = fs::path(home) / ".aws" / name;
  }
  std::error_code ignored;
  if (!named && !fs::exists(file.path, ignored)) return file;
  auto text = read_text(file.path, kMaxBytes);
  if (!text) {
    return fail(ErrorCode::invalid_argument, fmt::format("the file of S3 settings: {}", text.error().message));
  }
  file.section = section_of(*text, section);
  return file;
}

std::string value_of(const std::optional<Section>& section, std::string_view key) {
  if (!section) return "";
  const auto found = section->find(key);
  return found == section->end() ? "" : found->second;
}

void take_profile(S3Options& options, const ProfileFile& file) {
  set(options.region, value_of(file.section, "region"));
  set(options.endpoint, value_of(file.section, "endpoint_url"));
  std::string access = value_of(file.section, "aws_access_key_id");
  if (access.empty()) return;
  options.access_key = std::move(access);
  options.secret_key = value_of(file.section, "aws_secret_access_key");
  options.session_token = value_of(file.section, "aws_session_token");
  options.keys_from = fmt::format("'{}'", file.path.native());
}

}  // namespace

Result<S3Options> read_s3_options(const Environment& environment) {
  S3Options options;
  const std::string named = variable(environment, "AWS_PROFILE");
  const std::string profile = named.empty() ? "default" : named;
  EIDETIC_TRY(const auto config, read_profile(environment, "AWS_CONFIG_FILE", "config",
                                              profile == "default" ? profile : "profile " + profile));
  EIDETIC_TRY(const auto credentials, read_profile(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials", profile));
  if (!named.empty() && !config.section && !credentials.section) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("AWS_PROFILE is '{}', and neither '{}' nor '{}' has that profile", named,
                            credentials.path.native(), config.path.native()));
  }
  take_profile(options, config);
  take_profile(options, credentials);

  set(options.region, first_of(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"}));
  set(options.endpoint, first_of(environment, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}));
  if (auto access = variable(environment, "AWS_ACCESS_KEY_ID"); !access.empty()) {
    options.access_key = std::move(access);
    options.secret_key = variable(environment, "AWS_SECRET_ACCESS_KEY");
    options.session_token = variable(environment, "AWS_SESSION_TOKEN");
    options.keys_from = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  }
  return options;
}

Result<S3Options> read_s3_options() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view whole = *entry;
    const auto equals = whole.find('=');
    if (equals != std::string_view::npos) environment.emplace(whole.substr(0, equals), whole.substr(equals + 1));
  }
  return read_s3_options(environment);
}

}  // namespace eidetic
