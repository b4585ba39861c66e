// eidetic bench embed: what a model does on this machine, without files and storage.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <mutex>

#include "base/threads.h"
#include "blobs/router.h"
#include "cli/bench.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

struct BenchEmbedOptions {
  std::vector<std::string> paths;
  std::string model = "default";
  std::size_t sample = 256;
  double seconds = 3;
};

struct Measured {
  unsigned threads = 0;
  double images_per_s = 0;
  double median_ms = 0;      // one picture, from pixels to vector
  double preprocess_ms = 0;  // means
  double inference_ms = 0;
};

Result<std::vector<Image>> decode_sample(const BenchEmbedOptions& options, std::int32_t min_short_side) {
  EIDETIC_TRY(const PictureList list, list_pictures(options.paths));
  const auto blobs = make_blobs();
  DecodeOptions decode;
  decode.min_short_side = min_short_side;
  std::vector<Image> images;
  for (const Picture& picture : list.pictures) {
    if (images.size() == options.sample) break;
    const auto bytes = blobs->read(picture.uri, decode.max_bytes);
    if (!bytes) continue;
    if (auto image = decode_image(*bytes, decode)) images.push_back(*std::move(image));
  }
  if (images.empty()) return fail(ErrorCode::not_found, "no picture that can be decoded in the folders given");
  return images;
}

// Embeds the pictures over and over for about `seconds`, from `threads` threads.
Result<Measured> measure(const Embedder& embedder, std::span<const Image> images, unsigned threads, double seconds) {
  for (const Image& image : images.first(std::min<std::size_t>(4, images.size()))) {
    EIDETIC_CHECK(embedder.embed_image(image));
  }
  std::mutex mutex;
  std::vector<double> each;
  EmbedTimings sum;
  const double wall = seconds_of([&] {
    ThreadPool pool(threads);
    std::vector<std::future<void>> workers;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    for (unsigned worker = 0; worker < threads; ++worker) {
      workers.push_back(pool.post([&, worker] {
        for (std::size_t i = worker; std::chrono::steady_clock::now() < end; i += threads) {
          EmbedTimings timings;
          const double took = seconds_of([&] { (void)embedder.embed_image(images[i % images.size()], &timings); });
          const std::scoped_lock lock(mutex);
          each.push_back(took * 1000);
          sum.preprocess_ms += timings.preprocess_ms;
          sum.inference_ms += timings.inference_ms;
        }
      }));
    }
    for (auto& worker : workers) worker.wait();
  });
  const auto count = static_cast<double>(std::max<std::size_t>(1, each.size()));
  return Measured{.threads = threads,
                  .images_per_s = static_cast<double>(each.size()) / wall,
                  .median_ms = median(std::move(each)),
                  .preprocess_ms = sum.preprocess_ms / count,
                  .inference_ms = sum.inference_ms / count};
}

Result<int> run_bench_embed(const Session& session, const BenchEmbedOptions& options) {
  EIDETIC_CHECK(refuse_server(session.globals, "bench embed"));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto embedder, engine->embedder(options.model, Metric::cosine));
  EIDETIC_TRY(const auto images, decode_sample(options, embedder->min_short_side()));
  std::vector<Measured> results;
  const unsigned most = embedder->parallelism();
  for (unsigned threads = 1; threads <= most; threads = threads < most ? std::min(most, threads * 2) : most + 1) {
    EIDETIC_TRY(results.emplace_back(), measure(*embedder, images, threads, options.seconds));
  }
  if (session.globals.json) {
    Json runs = Json::array();
    for (const Measured& m : results) {
      runs.push_back({{"threads", m.threads},
                      {"images_per_s", m.images_per_s},
                      {"median_ms", m.median_ms},
                      {"preprocess_ms", m.preprocess_ms},
                      {"inference_ms", m.inference_ms}});
    }
    print_json({{"model", options.model},
                {"precision", to_string(embedder->space().precision)},
                {"dimensions", embedder->space().dimensions},
                {"images", images.size()},
                {"runs", std::move(runs)}});
    return kDone;
  }
  fmt::print("{}, {} decoded pictures\n", embedder->space().describe(), images.size());
  Table table({{.title = "threads", .right_aligned = true},
               {.title = "images/s", .right_aligned = true},
               {.title = "median ms", .right_aligned = true},
               {.title = "preprocess ms", .right_aligned = true},
               {.title = "inference ms", .right_aligned = true}});
  for (const Measured& m : results) {
    table.add({std::to_string(m.threads), fmt::format("{:.0f}", m.images_per_s), fmt::format("{:.3f}", m.median_ms),
               fmt::format("{:.3f}", m.preprocess_ms), fmt::format("{:.3f}", m.inference_ms)});
  }
  table.print();
  return kDone;
}

}  // namespace

void add_bench_embed(CLI::App& bench, Session& session) {
  auto* app = bench.add_subcommand("embed", "Images/s and milliseconds of a model, on decoded pictures")->fallthrough();
  auto options = std::make_shared<BenchEmbedOptions>();
  app->add_option("PATH", options->paths, "files and folders of pictures")->type_name("")->required();
  app->add_option("--model", options->model, "bundle name, folder or file (default: default)")->type_name("BUNDLE");
  app->add_option("--sample", options->sample, "pictures to measure with (default: 256)")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000U).description(""));
  app->add_option("--seconds", options->seconds, "how long each number of threads is measured (default: 3)")
      ->type_name("S")
      ->check(CLI::Range(0.1, 600.0).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_bench_embed(session, *options); }; });
}

}  // namespace eidetic
