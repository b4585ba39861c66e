// eidetic bench pipeline | embed | index
#include <CLI/CLI.hpp>

#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/session.h"

namespace eidetic {

void add_bench_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("bench", "Measure the parts of Eidetic on this machine")
                  ->fallthrough()
                  ->require_subcommand(1);
  add_bench_pipeline(*app, session);
  add_bench_embed(*app, session);
  add_bench_index(*app, session);
}

}  // namespace eidetic
