#include "server/server.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "eidetic/engine.h"

#include "base/file.h"
#include "base/log.h"
#include "server/api.h"
#include "server/edge.h"
#include "server/service.h"

namespace eidetic {
namespace {

EmbedderOptions::Arithmetic arithmetic_of(const std::string& precision) {
  using Arithmetic = EmbedderOptions::Arithmetic;
  return precision == "f32" ? Arithmetic::f32 : precision == "bf16" ? Arithmetic::bf16 : Arithmetic::automatic;
}

Result<EngineOptions> engine_options(const ServerConfig& config) {
  EngineOptions options;
  options.data_dir = config.data.folder;
  options.model_dirs = config.engine.models;
  options.threads = config.engine.threads;
  options.arithmetic = arithmetic_of(config.engine.precision);
  options.decode.max_bytes = config.limits.picture_bytes;
  options.decode.max_pixels = config.limits.picture_pixels;
  options.fetch_timeout_s = config.fetch.timeout_s;
  EIDETIC_TRY(options.s3, s3_options(config, process_environment()));
  options.store = config.s3.store;
  options.file_roots = config.paths.allowed;
  options.s3_roots = config.s3.allowed;
  options.private_urls = config.fetch.allow_private;
  options.remember_clusters = false;  // the configuration says which there are
  if (const auto& backend = config.backend; !backend.url.empty()) {
    options.backend = backend.url;
    options.clusters.push_back({.url = backend.url,
                                .password = backend.password,
                                .api_key = backend.api_key,
                                .ca_file = backend.ca_file,
                                .timeout_s = backend.timeout_s,
                                .wait_s = backend.wait_s,
                                .shards = backend.shards,
                                .replicas = backend.replicas});
  }
  options.run_jobs = true;
  options.parallel_jobs = config.limits.jobs_parallel;
  options.max_queued_jobs = config.limits.jobs_queued;
  options.watch_rescan_s = config.watch.rescan_s;
  options.thumbnail_cache_bytes = config.thumbnails.cache_bytes;
  options.feature_cache_bytes = config.features.cache_bytes;
  return options;
}

EdgeOptions edge_options(const ServerConfig& config, std::filesystem::path spool_folder) {
  EdgeOptions options;
  options.address = config.listen.address;
  options.port = config.listen.port;
  options.threads = config.listen.network_threads;
  options.max_connections = config.listen.max_connections;
  options.connections_per_client = config.limits.connections_per_client;
  options.header_bytes = config.limits.header_bytes;
  options.header_timeout_s = config.limits.header_timeout_s;
  options.request_timeout_s = config.limits.request_timeout_s;
  options.idle_timeout_s = config.limits.idle_timeout_s;
  options.tls_certificate = config.listen.tls_certificate;
  options.tls_key = config.listen.tls_key;
  options.spool_folder = std::move(spool_folder);
  return options;
}

std::string url_of(const ServerConfig& config, std::uint16_t port) {
  const std::string& address = config.listen.address;
  const bool v6 = address.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", config.listen.tls_certificate.empty() ? "http" : "https", v6 ? "[" : "", address,
                     v6 ? "]" : "", port);
}

// What a server that was killed has left there belongs to nobody.
Result<std::filesystem::path> empty_spool_folder(const std::filesystem::path& data) {
  std::filesystem::path folder = data / "spool";
  std::error_code failed;
  std::filesystem::remove_all(folder, failed);
  EIDETIC_CHECK(make_directories(folder));
  return folder;
}

// What the first requests would load otherwise: the model as queries and as collections use it, and the index.
Result<void> preload(Engine& engine, const std::vector<std::string>& collections) {
  constexpr std::size_t kSide = 16;
  const std::string picture = fmt::format("P6\n{0} {0}\n255\n{1}", kSide, std::string(kSide * kSide * 3, 'g'));
  for (const std::string& name : collections) {
    Query query;
    query.k = 1;
    Term& term = query.terms.emplace_back();
    term.kind = Term::Kind::bytes;
    const auto bytes = as_bytes(picture);
    term.bytes.assign(bytes.begin(), bytes.end());
    EIDETIC_CHECK(engine.search(name, query));
    EIDETIC_TRY(const auto info, engine.describe(name));
    const Space& space = info.spec.space;
    if (const auto loaded = engine.embedder(space.model, space.metric); !loaded) {
      log(LogLevel::warning, "{}", loaded.error().message);  // a model by path: loaded at its first use
    }
  }
  return {};
}

void wait_for(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, stop, [] { return false; });
}

}  // namespace

Result<void> serve(const ServerConfig& config, std::stop_token stop,
                   const std::function<void(const std::string& url)>& listening) {
  EIDETIC_TRY(const auto options, engine_options(config));
  EIDETIC_TRY(const auto engine, Engine::open(options));
  EIDETIC_TRY(const auto spool, empty_spool_folder(config.data.folder));
  Metrics metrics(EIDETIC_VERSION);
  Api api{.engine = *engine, .config = config, .metrics = metrics, .spool_folder = spool, .snapshot = {}};
  Service service(api);
  EIDETIC_TRY(const auto edge, Edge::open(edge_options(config, spool), service));
  api.snapshot = [&] {
    MetricsSnapshot snapshot;
    snapshot.connections = edge->connections();
    snapshot.queues = service.queues();
    return snapshot;
  };
  EIDETIC_CHECK(preload(*engine, config.engine.preload));
  api.ready = true;
  edge->start();
  listening(url_of(config, edge->port()));
  wait_for(stop);

  api.ready = false;
  edge->drain(config.limits.work_timeout_s);
  service.close();  // its last answers go back to the edge, which is there for them still
  return {};
}

}  // namespace eidetic
