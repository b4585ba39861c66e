// eidetic doctor: whether this machine has what Eidetic needs; with --server, whether that one answers.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "base/threads.h"
#include "catalog/catalog.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "embed/models.h"
#include "image/libraries.h"
#include "net/http.h"
#include "remote/remote.h"

namespace eidetic {
namespace {

constexpr std::uint64_t kLowDiskBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kLowMemoryBytes = std::uint64_t{1} << 30;

enum class Verdict { ok, warn, fail };

struct Finding {
  Verdict verdict = Verdict::ok;
  std::string what;
  std::string detail;
};

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::warn: return "warn";
    case Verdict::fail: return "fail";
  }
  return "";
}

Finding check_processor() {
#if defined(__x86_64__)
  std::vector<std::string> found;
  const auto add = [&](bool there, const char* name) {
    if (there) found.emplace_back(name);
  };
  add(__builtin_cpu_supports("avx2"), "AVX2");
  add(__builtin_cpu_supports("fma"), "FMA");
  add(__builtin_cpu_supports("avx512f"), "AVX-512");
  add(__builtin_cpu_supports("avx512vnni"), "VNNI");
  add(__builtin_cpu_supports("avx512bf16"), "BF16");
  add(__builtin_cpu_supports("amx-bf16"), "AMX-BF16");
  if (!__builtin_cpu_supports("avx2")) {
    return {Verdict::warn, "processor", "no AVX2: everything works, slowly"};
  }
  return {Verdict::ok, "processor", fmt::format("{}", fmt::join(found, " "))};
#else
  return {Verdict::ok, "processor", "not x86-64; kernels are chosen at run time"};
#endif
}

Finding check_memory() {
  const auto bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {bytes < kLowMemoryBytes ? Verdict::warn : Verdict::ok, "memory", human_bytes(bytes)};
}

Finding check_space(const std::filesystem::path& folder) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error) return {Verdict::fail, "disk", fmt::format("'{}': {}", folder.native(), error.message())};
  const std::string text = human_bytes(space.available) + " free";
  return {space.available < kLowDiskBytes ? Verdict::warn : Verdict::ok, "disk", text};
}

// The data folder as it is; where it is not there yet, the nearest folder above it, in which it would be made.
void check_data(const Globals& globals, std::vector<Finding>& findings) {
  const auto data = data_folder(globals);
  if (!data) {
    findings.push_back({Verdict::fail, "data folder", data.error().message});
    return;
  }
  std::error_code ignored;
  if (!std::filesystem::exists(*data, ignored)) {
    auto above = std::filesystem::absolute(*data, ignored);
    while (above.has_parent_path() && !std::filesystem::exists(above, ignored)) above = above.parent_path();
    const bool writable = ::access(above.c_str(), W_OK) == 0;
    findings.push_back({writable ? Verdict::ok : Verdict::fail, "data folder",
                        fmt::format("'{}' {}", data->native(),
                                    writable ? "is not there yet; the first 'eidetic index' makes it"
                                             : fmt::format("cannot be made in '{}'", above.native()))});
    findings.push_back(check_space(above));
    return;
  }
  if (const auto engine = open_engine(globals); engine) {
    const auto collections = (*engine)->collections();
    findings.push_back(collections ? Finding{Verdict::ok, "data folder",
                                             fmt::format("'{}', {} collections", data->native(), collections->size())}
                                   : Finding{Verdict::fail, "data folder", collections.error().message});
  } else {
    // Another process at work is no fault of the machine.
    const bool locked = engine.error().message.find("in use") != std::string::npos;
    findings.push_back({locked ? Verdict::warn : Verdict::fail, "data folder", engine.error().message});
  }
  findings.push_back(check_space(*data));
}

Json to_json(const std::vector<Finding>& findings, bool healthy) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"check", finding.what}, {"status", to_string(finding.verdict)}, {"detail", finding.detail}});
  }
  return {{"healthy", healthy}, {"checks", std::move(checks)}};
}

void check_models(const Globals& globals, std::vector<Finding>& findings) {
  const auto folders = model_folders(globals);
  if (!folders) return;  // said by the check of the data folder
  std::vector<std::string> names;
  for (const BundleEntry& entry : list_bundles(*folders)) {
    if (entry.bundle) {
      names.push_back(entry.bundle->name);
    } else {
      findings.push_back({Verdict::warn, "model", entry.bundle.error().message});
    }
  }
  findings.push_back({names.empty() ? Verdict::warn : Verdict::ok, "models", fmt::format("{}", fmt::join(names, " "))});

  const auto bundle = find_bundle("default", *folders);
  const auto checked = bundle ? check_bundle(*bundle, {.arithmetic = globals.arithmetic, .threads = globals.threads})
                              : Result<BundleCheck>(std::unexpected(bundle.error()));
  if (checked) {
    findings.push_back({Verdict::ok, "default model",
                        fmt::format("{} dimensions in {}, {:.0f} images/s of inference", checked->space.dimensions,
                                    to_string(checked->space.precision), checked->images_per_s)});
  } else {
    findings.push_back({Verdict::fail, "default model", checked.error().message});
  }
}

Result<std::vector<Finding>> check_server(const RemoteOptions& options) {
  EIDETIC_TRY(const ServerStatus status, server_status(options));
  std::vector<Finding> findings = {{Verdict::ok, "library", http_library()}};
  findings.push_back(status.health ? Finding{Verdict::ok, "server", printable_url(options.url) + " is well"}
                                   : Finding{Verdict::fail, "server", status.health.error().message});
  if (!status.health && !status.version) return findings;  // the same once more
  const char* token = options.token.empty() ? "none is needed" : "accepted";
  findings.push_back(status.version ? Finding{Verdict::ok, "token", token}
                                    : Finding{Verdict::fail, "token", status.version.error().message});
  if (status.version) {
    const bool same = *status.version == EIDETIC_VERSION;
    findings.push_back(
        {same ? Verdict::ok : Verdict::warn, "version",
         same ? *status.version : fmt::format("{}; this program is {}", *status.version, EIDETIC_VERSION)});
  }
  return findings;
}

std::vector<Finding> check_machine(const Globals& globals) {
  std::vector<Finding> findings = {check_processor()};
  findings.push_back({Verdict::ok, "cores", fmt::format("{} to work on", available_cores())});
  findings.push_back(check_memory());
  for (const auto& version :
       {inference_library(), vips_library(), jpeg_library(), database_library(), http_library()}) {
    findings.push_back({Verdict::ok, "library", version});
  }
  check_data(globals, findings);
  check_models(globals, findings);
  return findings;
}

Result<int> run_doctor(const Session& session) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  std::vector<Finding> findings;
  if (remote) {
    EIDETIC_TRY(findings, check_server(*remote));
  } else {
    findings = check_machine(session.globals);
  }
  const bool healthy = std::ranges::none_of(findings, [](const Finding& f) { return f.verdict == Verdict::fail; });
  if (session.globals.json) {
    print_json(to_json(findings, healthy));
  } else {
    Table table({{.title = ""}, {.title = "check"}, {.title = "finding"}});
    for (const Finding& finding : findings) {
      table.add({std::string(to_string(finding.verdict)), finding.what, finding.detail});
    }
    table.print();
  }
  return healthy ? kDone : kFailed;
}

}  // namespace

void add_doctor_command(CLI::App& root, Session& session) {
  auto* app =
      root.add_subcommand("doctor", "Check the processor, the libraries, the data folder and the models; or a server")
          ->fallthrough();
  app->callback([&session] { session.command = [&session] { return run_doctor(session); }; });
}

}  // namespace eidetic
