// import_vectors of eidetic/engine.h: rows of a CSV file or a .npy matrix, made an export of a collection, which every
// engine imports, a server's too.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "eidetic/vector_files.h"

#include "base/json.h"
#include "base/npy.h"
#include "base/text.h"
#include "blobs/name_list.h"
#include "blobs/vector_table.h"
#include "catalog/check.h"
#include "engine/foreign.h"
#include "engine/settings.h"
#include "engine/stages.h"

namespace eidetic {
namespace {

constexpr std::size_t kBatch = 1'000;
constexpr std::size_t kMaxErrors = 10'000;
constexpr double kProgressIntervalS = 0.1;
constexpr std::string_view kPassing = ".import";  // ends the name of a collection that stays for a moment

struct ImportRow {
  Item item;
  std::string place;  // "'x.csv', line 3": leads what is said of it later
};

// Where rows come from. Not thread-safe.
class Rows {
 public:
  virtual ~Rows() = default;
  [[nodiscard]] virtual std::uint32_t dimensions() const = 0;
  [[nodiscard]] virtual std::uint64_t total() const = 0;  // 0: not known before the end
  // The next row, or what is wrong with it; nullopt after the last.
  [[nodiscard]] virtual std::optional<Result<ImportRow>> next() = 0;
};

class CsvRows final : public Rows {
 public:
  static Result<std::unique_ptr<Rows>> open(const VectorImport& request, std::uint32_t dimensions) {
    if (!request.names.empty()) {
      return fail(ErrorCode::invalid_argument, fmt::format("names are given in '{}', but '{}' holds its names itself",
                                                           request.names.native(), request.file.native()));
    }
    auto rows = std::unique_ptr<CsvRows>(new CsvRows(request));
    EIDETIC_TRY(rows->map_, MappedFile::open(request.file));
    const auto bytes = rows->map_.bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    EIDETIC_TRY(auto table, VectorTable::open(text, request.file.native(), dimensions));
    rows->table_.emplace(std::move(table));
    return rows;
  }

  std::uint32_t dimensions() const override { return table_->dimensions(); }
  std::uint64_t total() const override { return 0; }
  std::optional<Result<ImportRow>> next() override {
    auto read = table_->next();
    if (!read) return std::nullopt;
    if (!*read) return std::unexpected(read->error());
    VectorRow& row = **read;
    ImportRow result{.item = {}, .place = fmt::format("'{}', line {}", request_.file.native(), row.line)};
    if (row.named) result.item.uri = uri_of_name(row.id, request_.root);
    result.item.id = std::move(row.id);
    result.item.vector = std::move(row.vector);
    result.item.metadata = std::move(row.metadata);
    return result;
  }

 private:
  explicit CsvRows(const VectorImport& request) : request_(request) {}

  const VectorImport& request_;
  MappedFile map_;
  std::optional<VectorTable> table_;
};

// Ids, places and metadata of a matrix's rows: what --names gives, or else what lies beside the file.
class RowFacts {
 public:
  static Result<RowFacts> open(const VectorImport& request, std::uint64_t rows) {
    RowFacts facts;
    facts.file_ = request.names;
    std::error_code ignored;
    for (const auto* const ending : {".jsonl", ".files"}) {
      const std::filesystem::path beside = request.file.native() + ending;
      if (facts.file_.empty() && std::filesystem::exists(beside, ignored)) facts.file_ = beside;
    }
    if (facts.file_.empty()) return facts;
    if (to_lower(facts.file_.extension().native()) == ".jsonl") {
      EIDETIC_TRY(facts.lines_, read_lines(facts.file_));
    } else {
      EIDETIC_TRY(facts.names_, read_name_list(facts.file_));
    }
    const std::size_t count = facts.lines_.empty() ? facts.names_.names.size() : facts.lines_.size();
    if (count == rows) return facts;
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' has {} names, but '{}' has {} rows: the first name is "
                                                         "that of the first row, and so on",
                                                         facts.file_.native(), count, request.file.native(), rows));
  }

  [[nodiscard]] Result<void> add_to(Item& item, std::size_t row) const {
    if (!lines_.empty()) return read_line(lines_[row], row, item);
    if (names_.names.empty()) {
      item.id = std::to_string(row);
      return {};
    }
    item.id = names_.names[row];
    if (item.id.empty()) {
      return fail(ErrorCode::invalid_argument, fmt::format("'{}', name {} is empty", file_.native(), row + 1));
    }
    if (!names_.metadata.empty()) item.metadata = names_.metadata[row];
    return {};
  }
  [[nodiscard]] bool any() const noexcept { return !file_.empty(); }

 private:
  static Result<std::vector<std::string>> read_lines(const std::filesystem::path& file) {
    EIDETIC_TRY(const std::string text, read_text(file));
    std::vector<std::string> lines;
    for (const auto line : split(text, '\n')) lines.emplace_back(trim(line));
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }

  // An item as the HTTP API writes it.
  [[nodiscard]] Result<void> read_line(const std::string& line, std::size_t row, Item& item) const {
    const std::string where = fmt::format("'{}', line {}", file_.native(), row + 1);
    EIDETIC_TRY(const Json json, parse_json_object(line, where));
    EIDETIC_TRY(auto reader, JsonReader::of(json, where));
    EIDETIC_TRY(item.id, reader.get<std::string>("id"));
    EIDETIC_TRY(item.uri, reader.get_or<std::string>("uri", ""));
    EIDETIC_TRY(const auto metadata, reader.get_or<Json>("metadata", Json::object()));
    item.metadata = dump_json(metadata);
    return {};
  }

  std::filesystem::path file_;
  NameList names_;
  std::vector<std::string> lines_;
};

class NpyRows final : public Rows {
 public:
  static Result<std::unique_ptr<Rows>> open(const VectorImport& request, std::uint32_t dimensions) {
    EIDETIC_TRY(auto npy, NpyFile::open(request.file));
    const auto& shape = npy.shape();
    constexpr std::uint64_t kMost = 65'536;  // dimensions of a collection
    if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0 || shape[1] > kMost) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is of shape ({}); a matrix with a row for each vector is expected",
                              request.file.native(), fmt::join(shape, ", ")));
    }
    if (dimensions != 0 && shape[1] != dimensions) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' holds vectors of {} dimensions, but they are to go where vectors have {}",
                              request.file.native(), shape[1], dimensions));
    }
    EIDETIC_TRY(auto facts, RowFacts::open(request, shape[0]));
    return std::unique_ptr<Rows>(new NpyRows(request, std::move(npy), std::move(facts)));
  }

  std::uint32_t dimensions() const override { return static_cast<std::uint32_t>(npy_.shape()[1]); }
  std::uint64_t total() const override { return npy_.shape()[0]; }
  std::optional<Result<ImportRow>> next() override {
    if (row_ == total()) return std::nullopt;
    const std::uint64_t row = row_++;
    ImportRow result{.item = {}, .place = fmt::format("'{}', row {}", request_.file.native(), row + 1)};
    if (auto read = facts_.add_to(result.item, row); !read) return std::unexpected(std::move(read).error());
    if (facts_.any() && result.item.uri.empty()) result.item.uri = uri_of_name(result.item.id, request_.root);
    result.item.vector.resize(dimensions());
    npy_.read(row * dimensions(), result.item.vector);
    return result;
  }

 private:
  NpyRows(const VectorImport& request, NpyFile npy, RowFacts facts)
      : request_(request), npy_(std::move(npy)), facts_(std::move(facts)) {}

  const VectorImport& request_;
  NpyFile npy_;
  RowFacts facts_;
  std::uint64_t row_ = 0;
};

Result<std::unique_ptr<Rows>> open_rows(const VectorImport& request, std::uint32_t dimensions) {
  const std::string ending = to_lower(request.file.extension().native());
  if (ending == ".csv") return CsvRows::open(request, dimensions);
  if (ending == ".npy") return NpyRows::open(request, dimensions);
  return fail(ErrorCode::unsupported,
              fmt::format("'{}' ends neither in .csv nor in .npy, the formats that are read", request.file.native()));
}

// A collection that is there has to be what is asked for.
Result<void> check_target(const CollectionInfo& info, const VectorImport& request) {
  const auto mismatch = [&](std::string_view has, std::string_view asked) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("collection '{}' {}, not {}; leave that out, or import into another collection",
                            info.spec.name, has, asked));
  };
  const Space& space = info.spec.space;
  if (request.metric && *request.metric != space.metric) {
    return mismatch(fmt::format("has the metric {}", to_string(space.metric)), to_string(*request.metric));
  }
  if (!request.index.empty() && request.index != info.spec.index) {
    return mismatch(fmt::format("has the index '{}'", info.spec.index), fmt::format("'{}'", request.index));
  }
  if (!request.model.empty() && request.model != space.model) {
    return mismatch(
        space.model.empty() ? "holds bare vectors" : fmt::format("holds vectors of the model '{}'", space.model),
        fmt::format("of '{}'", request.model));
  }
  return {};
}

class VectorImporter {
 public:
  VectorImporter(Engine& engine, const VectorImport& request, const std::function<void(const IndexProgress&)>& progress,
                 const std::stop_token& stop)
      : engine_(engine),
        request_(request),
        progress_(progress),
        stop_(stop),
        name_(request.collection.empty() ? request.file.stem().native() : request.collection) {}

  Result<VectorImportReport> run() {
    EIDETIC_CHECK(prepare());
    EIDETIC_TRY(const auto file, write_unnamed(spec_, [this] { return next(); }));
    report_.interrupted = stop_.stop_requested();
    if (report_.interrupted) {
      report_.imported = 0;
      return std::move(report_);
    }
    if (report_.imported == 0) {
      const auto why = report_.errors.empty() ? "it has no row" : report_.errors[0].error.message;
      return fail(ErrorCode::invalid_argument,
                  fmt::format("nothing of '{}' can be imported: {}", request_.file.native(), why));
    }
    tell();
    if (there_) {
      EIDETIC_CHECK(merge(file));
    } else {
      EIDETIC_CHECK(engine_.import_collection(file.path(), name_));
    }
    EIDETIC_TRY(report_.collection, engine_.describe(name_));
    return std::move(report_);
  }

 private:
  Result<void> prepare() {
    const auto there = engine_.describe(name_);
    there_ = there.has_value();
    if (there_) {
      EIDETIC_CHECK(check_target(*there, request_));
      EIDETIC_TRY(rows_, open_rows(request_, there->spec.space.dimensions));
      spec_ = {.name = fmt::format("{}{}", name_.substr(0, kMaxNameBytes - kPassing.size()), kPassing),
               .space = there->spec.space,
               .index = "auto",
               .settings = to_json(CollectionSettings{})};
      return check_new(engine_, spec_.name);
    }
    if (there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
    EIDETIC_TRY(rows_, open_rows(request_, 0));
    EIDETIC_TRY(spec_, foreign_spec(engine_, {.file = request_.file,
                                              .dimensions = rows_->dimensions(),
                                              .collection = name_,
                                              .metric = request_.metric.value_or(Metric::cosine),
                                              .index = request_.index.empty() ? "auto" : request_.index,
                                              .model = request_.model}));
    return {};
  }

  // What has been written, by way of a collection that stays no longer than that.
  Result<void> merge(const UnnamedFile& file) {
    EIDETIC_CHECK(engine_.import_collection(file.path(), spec_.name));
    const auto merged = engine_.merge(name_, spec_.name, true);
    const auto dropped = engine_.drop(spec_.name);
    if (!merged) return std::unexpected(merged.error());
    return dropped;
  }

  // The next good items; none after the last, and after a stop.
  Result<std::vector<Item>> next() {
    std::vector<Item> items;
    while (items.size() < kBatch && !stop_.stop_requested()) {
      auto row = rows_->next();
      if (!row) break;
      ++read_;
      if (!*row) {
        add_error(request_.file.native(), std::move(*row).error());
      } else if (auto good = check(**row); !good) {
        add_error((*row)->item.id, std::move(good).error());
      } else {
        items.push_back(std::move((*row)->item));
      }
    }
    report_.imported += items.size();
    if (since_progress_.seconds() >= kProgressIntervalS) tell();
    return items;
  }

  Result<void> check(const ImportRow& row) {
    const auto& [item, place] = row;
    const auto wrong = [&](std::string_view why) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", place, why));
    };
    if (const auto facts = check_facts(item); !facts) return wrong(facts.error().message);
    if (const auto fits = check_vector(item.vector, spec_.space); !fits) return wrong(fits.error().message);
    if (!seen_.insert(item.id).second) {
      return wrong(fmt::format("'{}' has a row already; the first one counts", item.id));
    }
    return {};
  }

  void add_error(std::string uri, Error error) {
    ++report_.failed;
    if (report_.errors.size() < kMaxErrors) report_.errors.push_back({std::move(uri), std::move(error)});
  }

  void tell() {
    since_progress_ = {};
    if (!progress_) return;
    progress_({.total = rows_->total(),
               .done = read_,
               .indexed = report_.imported,
               .failed = report_.failed,
               .seconds = total_time_.seconds()});
  }

  Engine& engine_;
  const VectorImport& request_;
  const std::function<void(const IndexProgress&)>& progress_;
  const std::stop_token& stop_;
  const std::string name_;
  const Stopwatch total_time_;
  Stopwatch since_progress_;
  std::unique_ptr<Rows> rows_;
  CollectionSpec spec_;
  bool there_ = false;
  std::uint64_t read_ = 0;
  std::unordered_set<std::string> seen_;
  VectorImportReport report_;
};

}  // namespace

Result<VectorImportReport> import_vectors(Engine& engine, const VectorImport& request,
                                          const std::function<void(const IndexProgress&)>& progress,
                                          std::stop_token stop) {
  return VectorImporter(engine, request, progress, stop).run();
}

}  // namespace eidetic
