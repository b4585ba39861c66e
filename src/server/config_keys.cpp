#include "server/config_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <type_traits>

#include "base/json.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> kFormats = {"text", "json"};
constexpr std::array<std::string_view, 3> kStyles = {"auto", "true", "false"};
constexpr std::array<std::string_view, 3> kPrecisions = {"auto", "f32", "bf16"};

constexpr double kMaxBytes = 1ULL << 50;  // whole in a double, and more than any machine has
constexpr double kMaxCount = 1'000'000;
constexpr double kMaxThreads = 1024;
constexpr double kMaxSeconds = 86'400;
constexpr double kLeastSeconds = 0.001;

template <typename T>
inline constexpr bool kIsNumber = std::integral<T> && !std::same_as<T, bool>;

// A TOML basic string is written as a JSON string is.
std::string quoted(const std::string& text) { return dump_json(text); }
std::string quoted(const std::filesystem::path& path) { return quoted(path.native()); }

std::string described(const ConfigValue& value) {
  return std::visit(
      []<typename T>(const T& held) {
        if constexpr (std::same_as<T, std::string>) {
          return fmt::format("'{}'", held);
        } else if constexpr (std::same_as<T, std::vector<std::string>>) {
          return fmt::format("[{}]", fmt::join(held, ", "));
        } else {
          return fmt::format("{}", held);
        }
      },
      value);
}

template <typename T>
bool assign_number(T& target, const ConfigValue& value, double least, double most) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    const auto number = static_cast<double>(*whole);
    if (number < least || number > most) return false;
    target = static_cast<T>(*whole);
    return true;
  }
  if constexpr (std::same_as<T, double>) {
    const auto* number = std::get_if<double>(&value);
    if (number == nullptr || !(*number >= least && *number <= most)) return false;
    target = *number;
    return true;
  }
  return false;
}

template <typename T>
bool assign_list(std::vector<T>& target, const ConfigValue& value) {
  const auto* list = std::get_if<std::vector<std::string>>(&value);
  if (list == nullptr || std::ranges::any_of(*list, &std::string::empty)) return false;
  target.assign(list->begin(), list->end());
  return true;
}

}  // namespace

std::string ConfigField::name() const { return fmt::format("{}.{}", section, key); }

std::string ConfigField::variable() const {
  std::string upper = fmt::format("EIDETIC_{}_{}", section, key);
  std::ranges::transform(upper, upper.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? char(letter - 'a' + 'A') : letter;
  });
  return upper;
}

std::string ConfigField::allowed() const {
  return std::visit(
      [this]<typename T>(T* /*target*/) -> std::string {
        if constexpr (std::same_as<T, bool>) return "true or false";
        if constexpr (kIsNumber<T>) return fmt::format("a whole number from {:.0f} to {:.0f}", least, most);
        if constexpr (std::same_as<T, double>) return fmt::format("a number from {} to {}", least, most);
        if constexpr (std::same_as<T, std::string>) {
          return among.empty() ? "a text" : fmt::format("one of {}", fmt::join(among, ", "));
        }
        if constexpr (std::same_as<T, std::filesystem::path>) return "a path";
        if constexpr (std::same_as<T, std::vector<std::string>>) return "a list of texts";
        return "a list of paths";
      },
      target);
}

std::string ConfigField::written() const {
  return std::visit(
      []<typename T>(const T* held) -> std::string {
        if constexpr (std::is_arithmetic_v<T>) {
          return fmt::format("{}", *held);
        } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::filesystem::path>) {
          return quoted(*held);
        } else {
          std::vector<std::string> texts;
          for (const auto& one : *held) texts.push_back(quoted(one));
          return fmt::format("[{}]", fmt::join(texts, ", "));
        }
      },
      target);
}

Result<void> ConfigField::set(const ConfigValue& value, std::string_view source) const {
  const bool done = std::visit(
      [&]<typename T>(T* held) {
        if constexpr (std::same_as<T, bool>) {
          const auto* flag = std::get_if<bool>(&value);
          if (flag != nullptr) *held = *flag;
          return flag != nullptr;
        } else if constexpr (kIsNumber<T> || std::same_as<T, double>) {
          return assign_number(*held, value, least, most);
        } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::filesystem::path>) {
          const auto* text = std::get_if<std::string>(&value);
          if (text == nullptr || text->contains('\0')) return false;
          if (!among.empty() && std::ranges::find(among, *text) == among.end()) return false;
          *held = *text;
          return true;
        } else {
          return assign_list(*held, value);
        }
      },
      target);
  if (done) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{}: {} is {}; it takes {}", source, name(), described(value), allowed()));
}

Result<void> ConfigField::set_text(const std::string& text, std::string_view source) const {
  const bool is_list = std::holds_alternative<std::vector<std::string>*>(target) ||
                       std::holds_alternative<std::vector<std::filesystem::path>*>(target);
  if (is_list) {
    std::vector<std::string> list;
    for (const std::string_view part : split(text, ',')) {
      if (!trim(part).empty()) list.emplace_back(trim(part));
    }
    return set(list, source);
  }
  if (std::holds_alternative<std::string*>(target) || std::holds_alternative<std::filesystem::path*>(target)) {
    return set(text, source);
  }
  const std::string_view word = trim(text);
  if (word == "true" || word == "false") return set(word == "true", source);
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(word.begin(), word.end(), whole);
      read.ec == std::errc() && read.ptr == word.end()) {
    return set(whole, source);
  }
  double number = 0;
  if (const auto read = std::from_chars(word.begin(), word.end(), number);
      read.ec == std::errc() && read.ptr == word.end()) {
    return set(number, source);
  }
  return set(text, source);  // refused, with the text as it is
}

std::vector<ConfigField> config_fields(ServerConfig& config) {
  auto& [listen, auth, limits, fetch, s3, paths, backend, cors, log, thumbnails, features, watch, data, engine] =
      config;
  return {
      {"listen", "address", &listen.address},
      {"listen", "port", &listen.port, 0, 65'535},
      {"listen", "network_threads", &listen.network_threads, 1, kMaxThreads},
      {"listen", "max_connections", &listen.max_connections, 1, kMaxCount},
      {"listen", "tls_certificate", &listen.tls_certificate},
      {"listen", "tls_key", &listen.tls_key},
      {"auth", "open_metrics", &auth.open_metrics},
      {"limits", "body_bytes", &limits.body_bytes, 1, kMaxBytes},
      {"limits", "json_body_bytes", &limits.json_body_bytes, 1, kMaxBytes},
      {"limits", "import_bytes", &limits.import_bytes, 1, kMaxBytes},
      {"limits", "picture_pixels", &limits.picture_pixels, 1, 1e12},
      {"limits", "picture_bytes", &limits.picture_bytes, 1, kMaxBytes},
      {"limits", "header_bytes", &limits.header_bytes, 256, 1 << 24},
      {"limits", "header_timeout_s", &limits.header_timeout_s, kLeastSeconds, kMaxSeconds},
      {"limits", "request_timeout_s", &limits.request_timeout_s, kLeastSeconds, kMaxSeconds},
      {"limits", "idle_timeout_s", &limits.idle_timeout_s, kLeastSeconds, kMaxSeconds},
      {"limits", "work_timeout_s", &limits.work_timeout_s, kLeastSeconds, kMaxSeconds},
      {"limits", "search_queue", &limits.search_queue, 1, kMaxCount},
      {"limits", "write_queue", &limits.write_queue, 1, kMaxCount},
      {"limits", "search_threads", &limits.search_threads, 0, kMaxThreads},
      {"limits", "write_threads", &limits.write_threads, 0, kMaxThreads},
      {"limits", "batch_queries", &limits.batch_queries, 1, 10'000},
      {"limits", "requests_per_s", &limits.requests_per_s, 0, kMaxCount},
      {"limits", "burst", &limits.burst, 0, kMaxCount},
      {"limits", "connections_per_client", &limits.connections_per_client, 0, kMaxCount},
      {"limits", "jobs_queued", &limits.jobs_queued, 1, kMaxCount},
      {"limits", "jobs_parallel", &limits.jobs_parallel, 1, kMaxThreads},
      {"fetch", "allow_private", &fetch.allow_private},
      {"fetch", "timeout_s", &fetch.timeout_s, kLeastSeconds, kMaxSeconds},
      {"s3", "endpoint", &s3.endpoint},
      {"s3", "region", &s3.region},
      {"s3", "access_key", &s3.access_key},
      {"s3", "secret_key", &s3.secret_key},
      {"s3", "secret_key_file", &s3.secret_key_file},
      {"s3", "session_token", &s3.session_token},
      {"s3", "path_style", &s3.path_style, 0, 0, kStyles},
      {"s3", "timeout_s", &s3.timeout_s, 1, kMaxSeconds},
      {"s3", "allowed", &s3.allowed},
      {"s3", "presign", &s3.presign},
      {"s3", "store", &s3.store},
      {"paths", "allowed", &paths.allowed},
      {"paths", "backup", &paths.backup},
      {"backend", "url", &backend.url},
      {"backend", "password", &backend.password},
      {"backend", "password_file", &backend.password_file},
      {"backend", "api_key", &backend.api_key},
      {"backend", "api_key_file", &backend.api_key_file},
      {"backend", "ca_file", &backend.ca_file},
      {"backend", "timeout_s", &backend.timeout_s, 1, kMaxSeconds},
      {"backend", "wait_s", &backend.wait_s, 0, kMaxSeconds},
      {"backend", "shards", &backend.shards, 1, 1024},
      {"backend", "replicas", &backend.replicas, 0, 16},
      {"cors", "origins", &cors.origins},
      {"log", "level", &log.level, 0, 0, kLevels},
      {"log", "format", &log.format, 0, 0, kFormats},
      {"thumbnails", "cache_bytes", &thumbnails.cache_bytes, 0, kMaxBytes},
      {"features", "cache_bytes", &features.cache_bytes, 0, kMaxBytes},
      {"watch", "rescan_s", &watch.rescan_s, 1, kMaxSeconds},
      {"data", "folder", &data.folder},
      {"engine", "threads", &engine.threads, 0, kMaxThreads},
      {"engine", "precision", &engine.precision, 0, 0, kPrecisions},
      {"engine", "models", &engine.models},
      {"engine", "preload", &engine.preload},
  };
}

}  // namespace eidetic
