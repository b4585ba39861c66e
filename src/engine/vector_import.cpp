// import_vectors of eidetic/engine.h: rows of a CSV file or a .npy matrix, put into a collection batch by batch.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "eidetic/engine.h"

#include "base/json.h"
#include "base/npy.h"
#include "base/text.h"
#include "blobs/name_list.h"
#include "blobs/vector_table.h"
#include "engine/foreign.h"
#include "engine/stages.h"

namespace eidetic {
namespace {

constexpr std::size_t kBatch = 1'000;
constexpr std::size_t kMaxErrors = 10'000;
constexpr double kProgressIntervalS = 0.1;

struct ImportRow {
  NewItem item;
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

  [[nodiscard]] Result<void> add_to(NewItem& item, std::size_t row) const {
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
  [[nodiscard]] Result<void> read_line(const std::string& line, std::size_t row, NewItem& item) const {
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
  VectorImporter(Engine& engine, const VectorImport& request, const std::function<void(const IndexProgress&)>& progress)
      : engine_(engine),
        request_(request),
        progress_(progress),
        name_(request.collection.empty() ? request.file.stem().native() : request.collection) {}

  Result<VectorImportReport> run(const std::stop_token& stop) {
    EIDETIC_TRY(const auto rows, prepare());
    auto stored = store(*rows, stop);
    if (stored && report_.imported == 0 && report_.failed > 0) {
      stored = fail(ErrorCode::invalid_argument, fmt::format("nothing of '{}' can be imported: {}",
                                                             request_.file.native(), report_.errors[0].error.message));
    }
    if (!stored) {
      // A collection that was made for nothing does not stay.
      if (created_ && report_.imported == 0) (void)engine_.drop(name_);
      return std::unexpected(std::move(stored).error());
    }
    EIDETIC_TRY(report_.collection, engine_.describe(name_));
    tell();
    return std::move(report_);
  }

 private:
  Result<std::unique_ptr<Rows>> prepare() {
    const auto there = engine_.describe(name_);
    if (there) {
      EIDETIC_CHECK(check_target(*there, request_));
      return open_rows(request_, there->spec.space.dimensions);
    }
    if (there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
    EIDETIC_TRY(auto rows, open_rows(request_, 0));
    EIDETIC_TRY(const auto spec, foreign_spec(engine_, {.file = request_.file,
                                                        .dimensions = rows->dimensions(),
                                                        .collection = name_,
                                                        .metric = request_.metric.value_or(Metric::cosine),
                                                        .index = request_.index.empty() ? "auto" : request_.index,
                                                        .model = request_.model}));
    EIDETIC_CHECK(make_collection(engine_, spec, [] { return std::vector<Item>(); }));
    created_ = true;
    return rows;
  }

  Result<void> store(Rows& rows, const std::stop_token& stop) {
    total_ = rows.total();
    while (auto row = rows.next()) {
      if (stop.stop_requested()) {
        report_.interrupted = true;
        return {};
      }
      ++read_;
      if (!*row) {
        add_error(request_.file.native(), std::move(*row).error());
      } else if (!seen_.insert((*row)->item.id).second) {
        const auto& id = (*row)->item.id;
        add_error(id, {ErrorCode::invalid_argument,
                       fmt::format("{}: '{}' has a row already; the first one counts", (*row)->place, id)});
      } else {
        places_.push_back(std::move((*row)->place));
        batch_.push_back(std::move((*row)->item));
      }
      if (batch_.size() == kBatch) EIDETIC_CHECK(commit());
    }
    return commit();
  }

  Result<void> commit() {
    if (batch_.empty()) return {};
    EIDETIC_TRY(auto results, engine_.put(name_, batch_));
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      if (results[i]) {
        ++report_.imported;
      } else {
        const auto& [code, message] = results[i].error();
        add_error(batch_[i].id, {code, fmt::format("{}: {}", places_[i], message)});
      }
    }
    batch_.clear();
    places_.clear();
    if (since_progress_.seconds() >= kProgressIntervalS) tell();
    return {};
  }

  void add_error(std::string uri, Error error) {
    ++report_.failed;
    if (report_.errors.size() < kMaxErrors) report_.errors.push_back({std::move(uri), std::move(error)});
  }

  void tell() {
    since_progress_ = {};
    if (!progress_) return;
    progress_({.total = total_,
               .done = read_,
               .indexed = report_.imported,
               .failed = report_.failed,
               .seconds = total_time_.seconds()});
  }

  Engine& engine_;
  const VectorImport& request_;
  const std::function<void(const IndexProgress&)>& progress_;
  const std::string name_;
  const Stopwatch total_time_;
  Stopwatch since_progress_;
  bool created_ = false;
  std::uint64_t total_ = 0, read_ = 0;
  std::unordered_set<std::string> seen_;
  std::vector<NewItem> batch_;
  std::vector<std::string> places_;
  VectorImportReport report_;
};

}  // namespace

Result<VectorImportReport> import_vectors(Engine& engine, const VectorImport& request,
                                          const std::function<void(const IndexProgress&)>& progress,
                                          std::stop_token stop) {
  return VectorImporter(engine, request, progress).run(stop);
}

}  // namespace eidetic
