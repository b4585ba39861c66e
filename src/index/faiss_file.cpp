#include "index/faiss_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "index/checked_file.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

static_assert(std::endian::native == std::endian::little);

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kMaxDimensions = 65'536;
constexpr std::uint64_t kMaxVectors = std::numeric_limits<std::uint32_t>::max();
constexpr int kMaxDepth = 4;  // of an index in an index
constexpr std::int32_t kMaxTransforms = 16;
constexpr std::uint32_t kMaxBits = 16;  // of a subquantizer's code

constexpr std::string_view kReadable =
    "Flat, PQ, SQ8 and SQfp16 can be read, also in IVF and behind IDMap, L2norm, PCA, OPQ and RR; with FAISS, copy its "
    "vectors (reconstruct_n) into an IndexFlat and write that";

using FourCc = std::array<char, 4>;
std::string_view view(const FourCc& code) { return {code.data(), code.size()}; }
bool is_one_of(const FourCc& code, std::string_view codes) {
  const auto at = codes.find(view(code));
  return at != std::string_view::npos && at % 5 == 0;  // "IxFl IxF2"
}
bool is_printable(const FourCc& code) {
  return std::ranges::all_of(code,
                             [](char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'); });
}

// What people call an index that cannot be read, by how its four characters begin; longer beginnings first.
std::string_view name_of(std::string_view code) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"IHN", "HNSW"},
                                                                      {"INS", "NSG"},
                                                                      {"INN", "NNDescent"},
                                                                      {"IxH", "LSH"},
                                                                      {"IB", "binary"},
                                                                      {"IxRF", "Refine"},
                                                                      {"IPfs", "PQ fast scan"},
                                                                      {"IwPf", "IVF with PQ fast scan"},
                                                                      {"IwQR", "IVF with PQR"},
                                                                      {"Imiq", "multi-index"},
                                                                      {"IxRq", "residual quantizer"},
                                                                      {"IxLS", "local search quantizer"},
                                                                      {"Iv", "IVF as FAISS wrote it before 1.5"},
                                                                      {"null", "empty"}};
  for (const auto& [beginning, name] : kNames) {
    if (code.starts_with(beginning)) return name;
  }
  return {};
}

// Messages of the reader lack their subject, the file.
std::unexpected<Error> corrupt(std::string_view why) {
  return fail(ErrorCode::corrupt, fmt::format("is no sound FAISS index: {}", why));
}
std::unexpected<Error> cut_off() { return corrupt("it ends too early, so it was damaged or cut off"); }

std::unexpected<Error> unsupported(std::string_view what, const FourCc& code) {
  const auto name = name_of(view(code));
  return fail(ErrorCode::unsupported, fmt::format("{} {}{}, which cannot be read: {}", what, view(code),
                                                  name.empty() ? "" : fmt::format(" ({})", name), kReadable));
}

std::vector<float> floats(Bytes bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::uint64_t product(std::uint64_t a, std::uint64_t b) {  // or what no file is as large as
  return b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b ? std::numeric_limits<std::uint64_t>::max()
                                                                     : a * b;
}

// FAISS's own test and bound (LinearTransform::set_is_orthonormal).
bool has_orthonormal_rows(const FaissTransform& step) {
  constexpr double kTolerance = 4e-5;
  if (step.to > step.from) return false;
  const auto row = [&](std::size_t i) { return std::span(step.matrix).subspan(i * step.from, step.from); };
  for (std::size_t i = 0; i < step.to; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double expected = i == j ? 1 : 0;
      if (!(std::abs(dot_product(row(i), row(j)) - expected) <= kTolerance)) return false;
    }
  }
  return true;
}

// Codes of a few bits each, the lowest bits of each byte first.
std::uint32_t take_bits(Bytes code, std::uint64_t offset, std::uint32_t count) {
  std::uint32_t value = 0;
  for (std::uint32_t taken = 0; taken < count;) {
    const auto bit = static_cast<std::uint32_t>((offset + taken) % 8);
    value |= (std::to_integer<std::uint32_t>(code[(offset + taken) / 8]) >> bit) << taken;
    taken += 8 - bit;
  }
  return value & ((1U << count) - 1);
}

void add_decoded(const FaissCodec& codec, Bytes code, std::span<float> out) {
  switch (codec.kind) {
    case FaissCodec::Kind::floats:
      for (std::size_t i = 0; i < out.size(); ++i) {
        float value = 0;
        std::memcpy(&value, code.data() + i * sizeof(value), sizeof(value));
        out[i] += value;
      }
      break;
    case FaissCodec::Kind::halves:
      for (std::size_t i = 0; i < out.size(); ++i) {
        _Float16 value = 0;
        std::memcpy(&value, code.data() + i * sizeof(value), sizeof(value));
        out[i] += static_cast<float>(value);
      }
      break;
    case FaissCodec::Kind::bytes:
      for (std::size_t i = 0; i < out.size(); ++i) {
        const float step = (static_cast<float>(std::to_integer<int>(code[i])) + 0.5F) / 255.0F;
        out[i] += codec.table[i] + step * codec.table[codec.dimensions + i];
      }
      break;
    case FaissCodec::Kind::product: {
      const std::size_t width = codec.dimensions / codec.subquantizers;
      for (std::size_t m = 0; m < codec.subquantizers; ++m) {
        const std::size_t centroid = (m << codec.bits) + take_bits(code, m * codec.bits, codec.bits);
        for (std::size_t i = 0; i < width; ++i) out[m * width + i] += codec.table[centroid * width + i];
      }
      break;
    }
  }
}

Vector undo(const FaissTransform& step, Vector stored) {
  for (std::size_t i = 0; i < step.before.size(); ++i) stored[i] -= step.before[i];
  if (!step.matrix.empty()) {
    Vector given(step.from);
    for (std::size_t i = 0; i < step.to; ++i) {
      const float* const row = step.matrix.data() + i * step.from;
      for (std::size_t j = 0; j < step.from; ++j) given[j] += stored[i] * row[j];
    }
    stored = std::move(given);
  }
  for (std::size_t i = 0; i < step.after.size(); ++i) stored[i] += step.after[i];
  return stored;
}

}  // namespace

// Takes a file apart, front to back, into a FaissFile. Numbers read behind the end are zeros: whoever goes by one
// checks ok() first.
class FaissReader {
 public:
  FaissReader(Bytes content, FaissFile& file) : in_(content), file_(file) {}

  [[nodiscard]] Result<void> read() {
    EIDETIC_TRY(const Header header, index(0));
    if (!in_.complete()) return corrupt("it goes on after its end");
    file_.dimensions_ = header.dimensions;
    file_.metric_ = header.metric;
    file_.size_ = header.size;
    return settle_ids();
  }

 private:
  struct Header {
    std::uint32_t dimensions = 0;
    std::uint64_t size = 0;
    std::optional<Metric> metric = {};
  };

  [[nodiscard]] bool ok() const { return !in_.failed(); }
  // A vector as FAISS writes it: how many, then they.
  [[nodiscard]] Bytes array(std::size_t size) { return in_.bytes(product(in_.value<std::uint64_t>(), size)); }

  [[nodiscard]] Result<Header> header() {
    const auto dimensions = in_.value<std::int32_t>();
    const auto size = in_.value<std::int64_t>();
    (void)in_.bytes(2 * sizeof(std::int64_t));  // never used
    const auto trained = in_.value<std::uint8_t>();
    const auto metric = in_.value<std::int32_t>();
    if (metric > 1) (void)in_.value<float>();
    if (!ok()) return cut_off();
    if (dimensions < 1 || dimensions > static_cast<std::int32_t>(kMaxDimensions)) {
      return corrupt(fmt::format("{} dimensions; 1 to {} are possible", dimensions, kMaxDimensions));
    }
    if (size < 0 || static_cast<std::uint64_t>(size) > kMaxVectors) return corrupt(fmt::format("{} vectors", size));
    if (trained == 0) {
      return fail(ErrorCode::invalid_argument, "is a FAISS index that was never trained: it holds no vectors");
    }
    Header read{.dimensions = static_cast<std::uint32_t>(dimensions), .size = static_cast<std::uint64_t>(size)};
    if (metric == 0) read.metric = Metric::dot;
    if (metric == 1) read.metric = Metric::euclidean;
    return read;
  }

  [[nodiscard]] Result<Header> index(int depth) {
    const auto code = in_.value<FourCc>();
    if (!ok()) return cut_off();
    if (depth == kMaxDepth) return corrupt("an index in an index too often");
    if (is_one_of(code, "IxPT")) return behind_transforms(depth);
    if (is_one_of(code, "IxMp IxM2")) return behind_ids(depth);
    if (is_one_of(code, "IwFl IwPQ IwSQ IwSq")) return inverted(code);
    if (is_one_of(code, "IxFl IxF2 IxFI IxPQ IxPo IxPq IxSQ")) return plain(code);
    if (!is_printable(code)) return corrupt("it does not begin as one");
    return unsupported("is a FAISS index of the kind", code);
  }

  [[nodiscard]] Result<Header> plain(const FourCc& code) {
    EIDETIC_TRY(Header header, this->header());
    if (code[2] == 'F') {
      EIDETIC_CHECK(floats_codec(header));
    } else if (code[2] == 'P') {
      EIDETIC_CHECK(product_codec(header));
    } else {
      EIDETIC_CHECK(scalar_codec(header));
    }
    // Of floats their number is given, of others that of their bytes.
    const Bytes codes = array(code[2] == 'F' ? sizeof(float) : 1);
    if (is_one_of(code, "IxPo IxPq")) (void)in_.bytes(9);  // how to search
    // Old files say inner product and mean L2.
    if (is_one_of(code, "IxPo IxPQ")) header.metric = Metric::euclidean;
    if (!ok()) return cut_off();
    if (codes.size() != product(header.size, file_.codec_.code_bytes)) {
      return corrupt("its codes are not as many as its vectors");
    }
    file_.lists_ = {codes};
    return header;
  }

  [[nodiscard]] Result<void> floats_codec(const Header& header) {
    file_.codec_ = {.kind = FaissCodec::Kind::floats,
                    .dimensions = header.dimensions,
                    .code_bytes = std::uint64_t{header.dimensions} * sizeof(float)};
    file_.kind_ += "Flat";
    return {};
  }

  [[nodiscard]] Result<void> product_codec(const Header& header) {
    const auto dimensions = in_.value<std::uint64_t>();
    const auto parts = in_.value<std::uint64_t>();
    const auto bits = in_.value<std::uint64_t>();
    const Bytes centroids = array(sizeof(float));
    if (!ok()) return cut_off();
    if (dimensions != header.dimensions || parts == 0 || dimensions % parts != 0 || bits == 0 || bits > kMaxBits ||
        centroids.size() != (dimensions << bits) * sizeof(float)) {
      return corrupt(
          fmt::format("a product quantizer of {} times {} bits for {} of {} dimensions, with {} bytes of "
                      "centroids",
                      parts, bits, dimensions, header.dimensions, centroids.size()));
    }
    file_.codec_ = {.kind = FaissCodec::Kind::product,
                    .dimensions = header.dimensions,
                    .code_bytes = (parts * bits + 7) / 8,
                    .table = floats(centroids),
                    .subquantizers = static_cast<std::uint32_t>(parts),
                    .bits = static_cast<std::uint32_t>(bits)};
    file_.kind_ += bits == 8 ? fmt::format("PQ{}", parts) : fmt::format("PQ{}x{}", parts, bits);
    return {};
  }

  [[nodiscard]] Result<void> scalar_codec(const Header& header) {
    constexpr std::int32_t kBytes = 0, kHalves = 4;
    const auto type = in_.value<std::int32_t>();
    (void)in_.bytes(8);  // how it was trained
    const auto dimensions = in_.value<std::uint64_t>();
    const auto code_bytes = in_.value<std::uint64_t>();
    const Bytes trained = array(sizeof(float));
    if (!ok()) return cut_off();
    if (type != kBytes && type != kHalves) {
      return fail(ErrorCode::unsupported, fmt::format("is a FAISS index with a scalar quantizer of type {}, which "
                                                      "cannot be read: {}",
                                                      type, kReadable));
    }
    const bool halves = type == kHalves;
    if (dimensions != header.dimensions || code_bytes != dimensions * (halves ? 2 : 1) ||
        (!halves && trained.size() != dimensions * 2 * sizeof(float))) {
      return corrupt(fmt::format("a scalar quantizer for {} of {} dimensions", dimensions, header.dimensions));
    }
    file_.codec_ = {.kind = halves ? FaissCodec::Kind::halves : FaissCodec::Kind::bytes,
                    .dimensions = header.dimensions,
                    .code_bytes = code_bytes,
                    .table = floats(trained)};
    file_.kind_ += halves ? "SQfp16" : "SQ8";
    return {};
  }

  [[nodiscard]] Result<Header> inverted(const FourCc& code) {
    EIDETIC_TRY(const Header header, this->header());
    const auto lists = in_.value<std::uint64_t>();
    (void)in_.value<std::uint64_t>();  // how many are searched
    EIDETIC_TRY(const Bytes centroids, coarse(header, lists));
    const auto direct_map = in_.value<std::uint8_t>();  // finds ids in the lists: they are read here all the same
    (void)array(sizeof(std::int64_t));
    if (direct_map == 2) (void)array(2 * sizeof(std::int64_t));
    file_.kind_ += fmt::format("IVF{},", lists);
    bool relative = is_one_of(code, "IwSQ");
    if (code[2] == 'F') {
      EIDETIC_CHECK(floats_codec(header));
    } else if (code[2] == 'P') {
      relative = in_.value<std::uint8_t>() != 0;
      (void)in_.value<std::uint64_t>();  // bytes of a code
      EIDETIC_CHECK(product_codec(header));
    } else {
      EIDETIC_CHECK(scalar_codec(header));
      (void)in_.value<std::uint64_t>();
      if (is_one_of(code, "IwSq")) relative = in_.value<std::uint8_t>() != 0;
    }
    if (relative) file_.centroids_ = floats(centroids);
    EIDETIC_CHECK(read_lists(header, lists));
    return header;
  }

  // The coarse quantizer: a centroid a list.
  [[nodiscard]] Result<Bytes> coarse(const Header& outer, std::uint64_t lists) {
    const auto code = in_.value<FourCc>();
    if (!ok()) return cut_off();
    if (!is_one_of(code, "IxFl IxF2 IxFI")) return unsupported("is a FAISS index IVF over", code);
    EIDETIC_TRY(const Header header, this->header());
    const Bytes centroids = array(sizeof(float));
    if (!ok()) return cut_off();
    if (header.dimensions != outer.dimensions || header.size != lists ||
        centroids.size() != product(lists, std::uint64_t{header.dimensions} * sizeof(float))) {
      return corrupt(fmt::format("{} lists with {} centroids", lists, header.size));
    }
    return centroids;
  }

  [[nodiscard]] Result<std::vector<std::uint64_t>> list_sizes(std::uint64_t lists) {
    const auto form = in_.value<FourCc>();
    const bool sparse = is_one_of(form, "sprs");
    const Bytes numbers = array(sizeof(std::uint64_t));
    if (!ok()) return cut_off();
    const auto number = [&](std::size_t i) {
      std::uint64_t value = 0;
      std::memcpy(&value, numbers.data() + i * sizeof(value), sizeof(value));
      return value;
    };
    const std::size_t count = numbers.size() / sizeof(std::uint64_t);
    if (!(sparse ? count % 2 == 0 : is_one_of(form, "full") && count == lists)) return corrupt("sizes of its lists");
    std::vector<std::uint64_t> sizes(lists);  // as many as there are centroids in the file
    for (std::size_t i = 0; i < count; i += sparse ? 2 : 1) {
      const std::uint64_t list = sparse ? number(i) : i;
      if (list >= lists) return corrupt(fmt::format("a list {} of {}", list, lists));
      sizes[list] = number(sparse ? i + 1 : i);
    }
    return sizes;
  }

  [[nodiscard]] Result<void> read_lists(const Header& header, std::uint64_t lists) {
    const auto kind = in_.value<FourCc>();
    if (!ok()) return cut_off();
    if (!is_one_of(kind, "ilar")) {
      return fail(
          ErrorCode::unsupported,
          fmt::format("is a FAISS index whose lists are stored as '{}', perhaps in a file of their own; read it "
                      "with FAISS, copy it into an index in memory, and write that",
                      is_printable(kind) ? view(kind) : "?"));
    }
    const auto count = in_.value<std::uint64_t>();
    const auto code_bytes = in_.value<std::uint64_t>();
    if (!ok()) return cut_off();
    if (count != lists || code_bytes != file_.codec_.code_bytes) {
      return corrupt(fmt::format("{} lists of {} bytes a vector in place of {} of {}", count, code_bytes, lists,
                                 file_.codec_.code_bytes));
    }
    EIDETIC_TRY(const auto sizes, list_sizes(lists));
    for (std::uint32_t list = 0; list < sizes.size(); ++list) {
      const Bytes codes = in_.bytes(product(sizes[list], code_bytes));
      const Bytes ids = in_.bytes(product(sizes[list], sizeof(std::int64_t)));
      if (!ok()) return cut_off();
      file_.lists_.push_back(codes);
      add_entries(ids, list);
    }
    if (file_.entries_.size() != header.size) {
      return corrupt(fmt::format("{} vectors in its lists, {} in all", file_.entries_.size(), header.size));
    }
    return {};
  }

  void add_entries(Bytes ids, std::uint32_t list) {
    for (std::size_t i = 0; i < ids.size() / sizeof(std::int64_t); ++i) {
      FaissFile::Entry entry{.id = 0, .list = list, .place = static_cast<std::uint32_t>(i)};
      std::memcpy(&entry.id, ids.data() + i * sizeof(entry.id), sizeof(entry.id));
      file_.entries_.push_back(entry);
    }
  }

  // IDMap: another id for each place of the index inside.
  [[nodiscard]] Result<Header> behind_ids(int depth) {
    EIDETIC_TRY(const Header header, this->header());
    file_.kind_ += "IDMap,";
    EIDETIC_TRY(const Header inside, index(depth + 1));
    const Bytes ids = array(sizeof(std::int64_t));
    if (!ok()) return cut_off();
    if (inside.dimensions != header.dimensions || inside.size != header.size ||
        ids.size() != header.size * sizeof(std::int64_t)) {
      return corrupt("its ids are not as many as its vectors");
    }
    if (file_.entries_.empty()) {
      add_entries(ids, 0);
      return header;
    }
    for (auto& entry : file_.entries_) {
      if (entry.id < 0 || static_cast<std::uint64_t>(entry.id) >= header.size)
        return corrupt("an id behind all others");
      std::memcpy(&entry.id, ids.data() + static_cast<std::size_t>(entry.id) * sizeof(entry.id), sizeof(entry.id));
    }
    return header;
  }

  [[nodiscard]] Result<Header> behind_transforms(int depth) {
    EIDETIC_TRY(const Header header, this->header());
    const auto count = in_.value<std::int32_t>();
    if (!ok()) return cut_off();
    if (count < 0 || count > kMaxTransforms) return corrupt(fmt::format("{} transforms", count));
    std::uint32_t dimensions = header.dimensions;
    for (std::int32_t i = 0; i < count; ++i) {
      EIDETIC_TRY(auto step, transform());
      if (step.from != dimensions) return corrupt(fmt::format("a transform of {} dimensions", step.from));
      dimensions = step.to;
      file_.transforms_.push_back(std::move(step));
    }
    EIDETIC_TRY(const Header inside, index(depth + 1));
    if (inside.dimensions != dimensions || inside.size != header.size) {
      return corrupt("its transform does not fit what it stores");
    }
    return header;
  }

  [[nodiscard]] Result<FaissTransform> transform() {
    const auto code = in_.value<FourCc>();
    if (!ok()) return cut_off();
    FaissTransform step;
    Bytes matrix, mean, bias;
    const bool linear = is_one_of(code, "LTra rrot PCAm PcAm Pcam");
    bool biased = false;
    if (linear) {
      if (code[0] == 'P') {
        (void)in_.bytes(sizeof(float) + (is_one_of(code, "Pcam") ? sizeof(float) : 0) + 1);
        if (!is_one_of(code, "PCAm")) (void)in_.value<std::int32_t>();
        for (int i = 0; i < 3; ++i) (void)array(sizeof(float));  // what the matrix was made of
      }
      biased = in_.value<std::uint8_t>() != 0;
      matrix = array(sizeof(float));
      bias = array(sizeof(float));
    } else if (is_one_of(code, "VCnt")) {
      mean = array(sizeof(float));
    } else if (is_one_of(code, "VNrm")) {
      (void)in_.value<float>();  // nothing is undone: the length is lost
    } else {
      return unsupported("is a FAISS index behind the transform", code);
    }
    const auto from = in_.value<std::int32_t>();
    const auto to = in_.value<std::int32_t>();
    (void)in_.value<std::uint8_t>();  // trained
    if (!ok()) return cut_off();
    const auto possible = [](std::int32_t d) { return d >= 1 && d <= static_cast<std::int32_t>(kMaxDimensions); };
    if (!possible(from) || !possible(to)) return corrupt(fmt::format("a transform of {} to {} dimensions", from, to));
    step.from = static_cast<std::uint32_t>(from);
    step.to = static_cast<std::uint32_t>(to);
    const std::uint64_t cells = std::uint64_t{step.from} * step.to;
    const bool fits =
        linear ? matrix.size() / sizeof(float) >= cells && (!biased || bias.size() / sizeof(float) >= step.to)
               : from == to && (mean.empty() || mean.size() / sizeof(float) == step.from);
    if (!fits) return corrupt("a transform that lacks values");
    step.after = floats(mean);
    if (linear) step.matrix = floats(matrix.first(cells * sizeof(float)));
    if (linear && biased) step.before = floats(bias.first(step.to * sizeof(float)));
    file_.kind_ += linear ? fmt::format("{}{},",
                                        code[0] == 'P'   ? "PCA"
                                        : code[0] == 'r' ? "RR"
                                                         : "Linear",
                                        to)
                          : (mean.empty() ? "L2norm," : "Centering,");
    if (linear && !has_orthonormal_rows(step)) {
      return fail(
          ErrorCode::unsupported,
          fmt::format("is a FAISS index behind a linear transform of {} to {} dimensions that cannot be undone, "
                      "as the rows of its matrix are not orthonormal (PCAW, say); make the index without it",
                      from, to));
    }
    return step;
  }

  [[nodiscard]] Result<void> settle_ids() {
    auto& entries = file_.entries_;
    std::ranges::sort(entries, {}, &FaissFile::Entry::id);
    if (!entries.empty() && entries.front().id < 0) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("holds a vector of the id {}; ids from 0 on can be imported", entries.front().id));
    }
    const auto twice = std::ranges::adjacent_find(entries, {}, &FaissFile::Entry::id);
    if (twice == entries.end()) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("holds two vectors of the id {}; an item has one: give each its own id", twice->id));
  }

  CheckedReader in_;
  FaissFile& file_;
};

Result<FaissFile> FaissFile::open(const std::filesystem::path& path) {
  FaissFile file;
  EIDETIC_TRY(file.file_, MappedFile::open(path));
  auto read = FaissReader(file.file_.bytes(), file).read();
  if (!read) return fail(read.error().code, fmt::format("'{}' {}", path.native(), read.error().message));
  return file;
}

bool FaissFile::is_one(std::span<const std::byte> content) noexcept {
  FourCc code{};
  if (content.size() < code.size()) return false;
  std::memcpy(code.data(), content.data(), code.size());
  return is_printable(code) && (code[0] == 'I' || view(code).starts_with("NP"));
}

std::int64_t FaissFile::id(std::uint64_t i) const noexcept {
  return entries_.empty() ? static_cast<std::int64_t>(i) : entries_[i].id;
}

Vector FaissFile::vector(std::uint64_t i) const {
  const Entry entry =
      entries_.empty() ? Entry{.id = 0, .list = 0, .place = static_cast<std::uint32_t>(i)} : entries_[i];
  const std::size_t dimensions = codec_.dimensions;
  Vector vector(dimensions);
  if (!centroids_.empty()) std::copy_n(centroids_.data() + entry.list * dimensions, dimensions, vector.data());
  add_decoded(codec_, lists_[entry.list].subspan(entry.place * codec_.code_bytes, codec_.code_bytes), vector);
  for (std::size_t step = transforms_.size(); step-- > 0;) vector = undo(transforms_[step], std::move(vector));
  return vector;
}

}  // namespace eidetic
