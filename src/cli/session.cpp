#include "cli/session.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> token_of(const Globals& globals) {
  if (!globals.token.empty() && !globals.token_file.empty()) {
    return fail(ErrorCode::invalid_argument, "either --token or --token-file is given, not both");
  }
  if (!globals.token.empty()) return globals.token;
  if (globals.token_file.empty()) return environment("EIDETIC_TOKEN");
  return read_secret(globals.token_file);
}

// What the variables of the server's section [backend] say, as there.
Result<std::string> secret_of(const std::string& variable) {
  const std::string file = environment((variable + "_FILE").c_str());
  return file.empty() ? environment(variable.c_str()) : read_secret(file);
}

// The search engine that is named, and what those that the data folder remembers are opened with.
Result<void> add_cluster(const Globals& globals, EngineOptions& options) {
  EIDETIC_TRY(options.cluster_password, secret_of("EIDETIC_BACKEND_PASSWORD"));
  EIDETIC_TRY(options.cluster_api_key, secret_of("EIDETIC_BACKEND_API_KEY"));
  const std::string url = globals.backend.empty() ? environment("EIDETIC_BACKEND_URL") : globals.backend;
  if (url.empty() || url == kEmbeddedBackend) return {};
  options.backend = url;
  options.clusters.push_back({.url = url,
                              .password = url.contains('@') ? options.cluster_password : "",
                              .api_key = options.cluster_api_key,
                              .ca_file = environment("EIDETIC_BACKEND_CA_FILE")});
  return {};
}

}  // namespace

Result<std::optional<RemoteOptions>> remote_options(const Globals& globals) {
  if (!globals.server.empty() && !globals.data_dir.empty()) {
    return fail(ErrorCode::invalid_argument, "either --server or --data is given, not both");
  }
  std::string url = globals.server;
  if (url.empty() && globals.data_dir.empty()) url = environment("EIDETIC_SERVER");
  if (url.empty()) {
    if (globals.token.empty() && globals.token_file.empty() && globals.ca_file.empty()) return std::nullopt;
    return fail(ErrorCode::invalid_argument, "--token, --token-file and --ca-file are for a server: --server URL");
  }
  if (globals.arithmetic != EmbedderOptions::Arithmetic::automatic) {
    return fail(ErrorCode::invalid_argument, "--precision is not for the caller of a server to choose");
  }
  RemoteOptions options{.url = std::move(url), .ca_file = globals.ca_file};
  EIDETIC_TRY(options.token, token_of(globals));
  if (globals.threads > 0) options.connections = globals.threads;
  return options;
}

Result<void> refuse_server(const Globals& globals, std::string_view what) {
  EIDETIC_TRY(const auto remote, remote_options(globals));
  if (!remote) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} measures this machine: leave --server out", what));
}

Result<std::filesystem::path> data_folder(const Globals& globals) {
  if (!globals.data_dir.empty()) return globals.data_dir;
  // A relative $XDG_DATA_HOME is to be ignored (XDG Base Directory Specification).
  if (const std::filesystem::path xdg = environment("XDG_DATA_HOME"); xdg.is_absolute()) return xdg / "eidetic";
  if (const std::filesystem::path home = environment("HOME"); home.is_absolute()) return home / ".local/share/eidetic";
  return fail(ErrorCode::invalid_argument, "no data folder: give --data DIR, or set HOME or XDG_DATA_HOME");
}

Result<std::vector<std::filesystem::path>> model_folders(const Globals& globals) {
  EIDETIC_TRY(auto data, data_folder(globals));
  return model_directories({.data_dir = std::move(data)});
}

Result<std::unique_ptr<Engine>> open_engine(const Globals& globals) {
  EIDETIC_TRY(const auto remote, remote_options(globals));
  if (remote) return connect_engine(*remote);
  EIDETIC_TRY(auto data, data_folder(globals));
  EngineOptions options{.data_dir = std::move(data),
                        .threads = globals.threads,
                        .arithmetic = globals.arithmetic,
                        .store = environment("EIDETIC_S3_STORE")};
  EIDETIC_CHECK(add_cluster(globals, options));
  return Engine::open(options);
}

}  // namespace eidetic
