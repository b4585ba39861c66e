// eidetic embed PATH… --model BUNDLE -o FILE.npy|FILE.csv
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/csv.h"
#include "base/file.h"
#include "base/npy.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"

namespace eidetic {
namespace {

struct EmbedOptions {
  std::vector<std::string> paths;
  std::string model = "default";
  std::filesystem::path output;
  std::size_t batch = 256;
};

// Vectors of the pictures that could be embedded, in order, with the names of those pictures.
struct Features {
  std::vector<std::string> names;
  std::vector<float> values;
  std::size_t dimensions = 0;
  std::vector<ItemError> errors;
};

Result<void> check_output(const std::filesystem::path& file) {
  const std::string extension = to_lower(file.extension().native());
  if (extension == ".npy" || extension == ".csv") return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' ends neither in .npy nor in .csv, the formats that are written", file.native()));
}

Result<Features> embed_all(Engine& engine, const PictureList& list, const EmbedOptions& options,
                           const std::stop_token& stop) {
  Features features;
  features.errors = list.errors;
  Progress bar("embedding", "images");
  const auto start = std::chrono::steady_clock::now();
  std::span<const Picture> rest = list.pictures;
  while (!rest.empty() && !stop.stop_requested()) {
    const auto batch = rest.first(std::min(options.batch, rest.size()));
    std::vector<std::string> uris;
    std::ranges::transform(batch, std::back_inserter(uris), &Picture::uri);
    EIDETIC_TRY(const auto vectors, engine.embed(uris, options.model));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!vectors[i]) {
        features.errors.push_back({batch[i].uri, vectors[i].error()});
        continue;
      }
      features.names.push_back(batch[i].id);
      features.dimensions = vectors[i]->size();
      features.values.insert(features.values.end(), vectors[i]->begin(), vectors[i]->end());
    }
    rest = rest.subspan(batch.size());
    bar.update({.total = list.pictures.size(),
                .done = list.pictures.size() - rest.size(),
                .failed = features.errors.size(),
                .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
  }
  return features;
}

Result<void> write_csv(const Features& features, const std::filesystem::path& file) {
  return write_file_atomically(file, [&](const Sink& sink) -> Result<void> {
    std::string line = "filename";
    for (std::size_t d = 0; d < features.dimensions; ++d) line += fmt::format(",{}", d);
    EIDETIC_CHECK(sink(as_bytes(line + '\n')));
    for (std::size_t row = 0; row < features.names.size(); ++row) {
      line = csv_field(features.names[row]);
      for (std::size_t d = 0; d < features.dimensions; ++d) {
        fmt::format_to(std::back_inserter(line), ",{}", features.values[row * features.dimensions + d]);
      }
      EIDETIC_CHECK(sink(as_bytes(line + '\n')));
    }
    return {};
  });
}

// A .npy file has no room for names: they go beside it, one a line, in the order of the rows.
std::filesystem::path names_file(const std::filesystem::path& output) { return output.native() + ".files"; }

Result<void> write_features(const Features& features, const std::filesystem::path& output) {
  if (to_lower(output.extension().native()) == ".csv") return write_csv(features, output);
  EIDETIC_CHECK(write_npy(output, features.names.size(), features.dimensions, features.values));
  return write_file_atomically(names_file(output), fmt::format("{}\n", fmt::join(features.names, "\n")));
}

Result<int> run_embed(const Session& session, const EmbedOptions& options) {
  EIDETIC_CHECK(check_output(options.output));
  const Interruption interruption;
  EIDETIC_TRY(const PictureList list, list_pictures(options.paths));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const Features features, embed_all(*engine, list, options, interruption.token()));
  if (interruption.signal() != 0) {
    return interruption.told(fmt::format("stopped; '{}' is not written", options.output.native()));
  }
  if (features.names.empty()) {
    print_item_errors(features.errors);
    return fail(ErrorCode::not_found, fmt::format("no picture to embed; '{}' is not written", options.output.native()));
  }
  EIDETIC_CHECK(write_features(features, options.output));

  if (session.globals.json) {
    print_json({{"file", options.output.native()},
                {"model", options.model},
                {"images", features.names.size()},
                {"dimensions", features.dimensions},
                {"failed", features.errors.size()},
                {"errors", to_json(std::span(features.errors))}});
  } else {
    fmt::print("{}: {} vectors of {} dimensions, {} failed\n", options.output.native(), features.names.size(),
               features.dimensions, features.errors.size());
    print_item_errors(features.errors);
  }
  return features.errors.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_embed_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("embed", "Write the vectors of pictures into a file")->fallthrough();
  auto options = std::make_shared<EmbedOptions>();
  app->add_option("PATH", options->paths, "files, folders (searched through), URLs")->type_name("")->required();
  app->add_option("--model", options->model, "bundle name, folder or file (default: default)")->type_name("BUNDLE");
  app->add_option("-o,--output", options->output, "file to write: .npy (names go to FILE.npy.files) or .csv")
      ->type_name("FILE")
      ->required();
  app->add_option("--batch", options->batch, "pictures embedded together (default: 256)")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000U).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_embed(session, *options); }; });
}

}  // namespace eidetic
