// What a server is told at its start: a TOML file, then the environment, then checks. docs/configuration.md says what
// each key means; the defaults stand here and nowhere else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/s3.h"

#include "server/tokens.h"

namespace eidetic {

struct ServerConfig {
  struct Listen {
    std::string address = "127.0.0.1";  // IPv4 or IPv6, never a name: "localhost" is read as 127.0.0.1
    std::uint16_t port = 8890;          // 0: any free one
    unsigned network_threads = 1;
    std::uint32_t max_connections = 4096;
    std::filesystem::path tls_certificate = {};  // PEM; set together with tls_key, or empty like it
    std::filesystem::path tls_key = {};
  } listen;

  struct Auth {
    std::vector<Token> tokens = {};  // of every source, read from their files and variables; empty: open to all
    bool open_metrics = false;       // /metrics without a token
  } auth;

  struct Limits {
    std::uint64_t body_bytes = std::uint64_t{64} << 20;
    std::uint64_t json_body_bytes = std::uint64_t{64} << 20;
    std::uint64_t import_bytes = std::uint64_t{16} << 30;
    std::uint64_t picture_pixels = 100'000'000;
    std::uint64_t picture_bytes = std::uint64_t{64} << 20;  // also of what is fetched from a URL
    std::uint64_t header_bytes = 16384;
    double header_timeout_s = 10;
    double request_timeout_s = 60;  // from the first byte to the last of the body
    double idle_timeout_s = 75;     // between two requests of a connection
    double work_timeout_s = 60;     // from the last byte of the body to the answer
    std::uint32_t search_queue = 256;
    std::uint32_t write_queue = 256;
    unsigned search_threads = 0;  // 0: one a core
    unsigned write_threads = 0;   // 0: one a core
    std::uint32_t batch_queries = 100;
    double requests_per_s = 0;                 // of one client address; 0: no limit
    std::uint32_t burst = 0;                   // 0: as many as in one second
    std::uint32_t connections_per_client = 0;  // 0: no limit
    std::uint32_t jobs_queued = 10'000;
    unsigned jobs_parallel = 2;
  } limits;

  struct Fetch {
    bool allow_private = false;
    double timeout_s = 30;
  } fetch;

  struct S3 {
    // What is empty is as the environment and ~/.aws have it: see read_s3_options.
    std::string endpoint = {}, region = {}, access_key = {}, secret_key = {}, session_token = {};
    std::filesystem::path secret_key_file = {};
    std::string path_style = "auto";  // auto, true or false: see S3Options
    double timeout_s = 20;
    std::vector<std::string> allowed = {};  // places that callers may name
    bool presign = false;                   // send who asks for a picture in S3 there
    std::string store = {};                 // EngineOptions::store
  } s3;

  struct Paths {
    std::vector<std::filesystem::path> allowed = {};  // absolute, without links
    std::filesystem::path backup = {};                // a folder or s3:// URI; empty: no backups over HTTP
  } paths;

  // The search engine that collections live in which do not say it; see ClusterOptions.
  struct Backend {
    std::string url = {};  // empty: the data folder
    std::string password = {}, api_key = {};
    std::filesystem::path password_file = {}, api_key_file = {};  // their first line; read into the above
    std::filesystem::path ca_file = {};
    double timeout_s = 30;
    double wait_s = 60;
    std::uint32_t shards = 1;
    std::uint32_t replicas = 1;
  } backend;

  struct Cors {
    std::vector<std::string> origins = {};  // "*": every one
  } cors;

  struct Log {
    std::string level = "info";   // debug, info, warning or error: see parse_log_level
    std::string format = "text";  // text or json
  } log;

  struct Thumbnails {
    std::uint64_t cache_bytes = std::uint64_t{1} << 30;
  } thumbnails;

  struct Features {
    std::uint64_t cache_bytes = std::uint64_t{1} << 30;
  } features;

  struct Watch {
    double rescan_s = 300;
  } watch;

  struct Data {
    std::filesystem::path folder = {};  // empty: as the command line has it
  } data;

  struct Engine {
    unsigned threads = 0;                            // 0: one a core
    std::string precision = "auto";                  // auto, f32 or bf16
    std::vector<std::filesystem::path> models = {};  // folders in which bundles are looked up
    std::vector<std::string> preload = {};           // collections whose model is loaded before the server is ready
  } engine;
};

using Environment = std::map<std::string, std::string>;
[[nodiscard]] Environment process_environment();

// The configuration of `file` (none: defaults) with what the environment sets over it: EIDETIC_<SECTION>_<KEY>, lists
// separated by commas; EIDETIC_TOKEN is one more token of the role admin. Errors: not_found for a file that is not
// there; invalid_argument naming file or variable, key and value, for a syntax error with its line and column, a key or
// section that is not known, a value of the wrong type or range, half a TLS pair, a folder that is not there, and an
// address beyond loopback without a token that holds.
[[nodiscard]] Result<ServerConfig> load_config(const std::optional<std::filesystem::path>& file,
                                               const Environment& environment);

// That of [s3] over what the environment and ~/.aws say.
[[nodiscard]] Result<S3Options> s3_options(const ServerConfig& config, const Environment& environment);

// One key of the file, for documents and their test.
struct ConfigKey {
  std::string name;           // "limits.body_bytes"
  std::string variable;       // "EIDETIC_LIMITS_BODY_BYTES"
  std::string default_value;  // as TOML writes it
  std::string allowed;        // "a whole number from 0 to 65535"
};
[[nodiscard]] std::vector<ConfigKey> config_keys();

// Addresses that only this machine reaches.
[[nodiscard]] bool is_loopback(std::string_view address);

}  // namespace eidetic
