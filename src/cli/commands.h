// The commands of `eidetic`, one file each. Every function adds one subcommand, with its options, to the command line;
// when that subcommand is chosen, `session.command` is set to what it does.
#pragma once

namespace CLI {
class App;
}

namespace eidetic {

struct SearchDepth;
struct Session;

void add_index_command(CLI::App& root, Session& session);
void add_search_command(CLI::App& root, Session& session);
void add_collections_command(CLI::App& root, Session& session);
// Below the command of collections.
void add_copy_command(CLI::App& collections, Session& session);
void add_migrate_command(CLI::App& collections, Session& session);
void add_items_command(CLI::App& root, Session& session);
void add_models_command(CLI::App& root, Session& session);
void add_datasets_command(CLI::App& root, Session& session);
void add_run_command(CLI::App& root, Session& session);
void add_train_command(CLI::App& root, Session& session);
void add_jobs_command(CLI::App& root, Session& session);
void add_embed_command(CLI::App& root, Session& session);
void add_classify_command(CLI::App& root, Session& session);
void add_classifiers_command(CLI::App& root, Session& session);
void add_calibrate_command(CLI::App& root, Session& session);
void add_regions_command(CLI::App& root, Session& session);
void add_duplicates_command(CLI::App& root, Session& session);
void add_eval_command(CLI::App& root, Session& session);
void add_inspect_command(CLI::App& root, Session& session);
void add_backends_command(CLI::App& root, Session& session);
void add_backup_command(CLI::App& root, Session& session);  // and restore
void add_bench_command(CLI::App& root, Session& session);
void add_serve_command(CLI::App& root, Session& session);
void add_doctor_command(CLI::App& root, Session& session);
void add_completion_command(CLI::App& root, Session& session);

// --ef, --nprobe and --rescore.
void add_search_depth(CLI::App& command, SearchDepth& depth);

}  // namespace eidetic
