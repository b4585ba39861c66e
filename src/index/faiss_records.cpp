#include "index/faiss_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace eidetic::faiss {
namespace {

constexpr std::uint32_t kMaxDimensions = 65'536;
constexpr std::uint64_t kMaxVectors = std::numeric_limits<std::uint32_t>::max();
constexpr int kMaxDepth = 4;  // of an index in an index
constexpr std::int32_t kMaxTransforms = 16;
constexpr std::uint32_t kMaxBits = 16;  // of a subquantizer's code

class Reader {
 public:
  explicit Reader(Bytes content) : in_(content) {}

  [[nodiscard]] Result<Records> read() {
    EIDETIC_TRY(const Header header, index(0));
    if (!in_.complete()) return corrupt("it goes on after its end");
    records_.dimensions = header.dimensions;
    records_.metric = header.metric;
    records_.size = header.size;
    EIDETIC_CHECK(settle_ids());
    return std::move(records_);
  }

 private:
  struct Header {
    std::uint32_t dimensions = 0;
    std::uint64_t size = 0;
    std::optional<Metric> metric = {};
  };

  [[nodiscard]] Result<Header> header() {
    const auto dimensions = in_.value<std::int32_t>();
    const auto size = in_.value<std::int64_t>();
    (void)in_.bytes(2 * sizeof(std::int64_t));  // never used
    const auto trained = in_.value<std::uint8_t>();
    const auto metric = in_.value<std::int32_t>();
    if (metric > 1) (void)in_.value<float>();
    if (!in_.ok()) return cut_off();
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
    if (!in_.ok()) return cut_off();
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
    const Bytes codes = in_.array(code[2] == 'F' ? sizeof(float) : 1);
    if (is_one_of(code, "IxPo IxPq")) (void)in_.bytes(9);  // how to search
    // Old files say inner product and mean L2.
    if (is_one_of(code, "IxPo IxPQ")) header.metric = Metric::euclidean;
    if (!in_.ok()) return cut_off();
    if (codes.size() != product(header.size, records_.codec.code_bytes)) {
      return corrupt("its codes are not as many as its vectors");
    }
    records_.lists = {codes};
    return header;
  }

  [[nodiscard]] Result<void> floats_codec(const Header& header) {
    records_.codec = {.kind = Codec::Kind::floats,
                      .dimensions = header.dimensions,
                      .code_bytes = std::uint64_t{header.dimensions} * sizeof(float)};
    records_.kind += "Flat";
    return {};
  }

  [[nodiscard]] Result<void> product_codec(const Header& header) {
    const auto dimensions = in_.value<std::uint64_t>();
    const auto parts = in_.value<std::uint64_t>();
    const auto bits = in_.value<std::uint64_t>();
    const Bytes centroids = in_.array(sizeof(float));
    if (!in_.ok()) return cut_off();
    if (dimensions != header.dimensions || parts == 0 || dimensions % parts != 0 || bits == 0 || bits > kMaxBits ||
        centroids.size() != (dimensions << bits) * sizeof(float)) {
      return corrupt(
          fmt::format("a product quantizer of {} times {} bits for {} of {} dimensions, with {} bytes of "
                      "centroids",
                      parts, bits, dimensions, header.dimensions, centroids.size()));
    }
    records_.codec = {.kind = Codec::Kind::product,
                      .dimensions = header.dimensions,
                      .code_bytes = (parts * bits + 7) / 8,
                      .table = floats(centroids),
                      .subquantizers = static_cast<std::uint32_t>(parts),
                      .bits = static_cast<std::uint32_t>(bits)};
    records_.kind += bits == 8 ? fmt::format("PQ{}", parts) : fmt::format("PQ{}x{}", parts, bits);
    return {};
  }

  [[nodiscard]] Result<void> scalar_codec(const Header& header) {
    constexpr std::int32_t kBytes = 0, kHalves = 4;
    const auto type = in_.value<std::int32_t>();
    (void)in_.bytes(8);  // how it was trained
    const auto dimensions = in_.value<std::uint64_t>();
    const auto code_bytes = in_.value<std::uint64_t>();
    const Bytes trained = in_.array(sizeof(float));
    if (!in_.ok()) return cut_off();
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
    records_.codec = {.kind = halves ? Codec::Kind::halves : Codec::Kind::bytes,
                      .dimensions = header.dimensions,
                      .code_bytes = code_bytes,
                      .table = floats(trained)};
    records_.kind += halves ? "SQfp16" : "SQ8";
    return {};
  }

  [[nodiscard]] Result<Header> inverted(const FourCc& code) {
    EIDETIC_TRY(const Header header, this->header());
    const auto lists = in_.value<std::uint64_t>();
    (void)in_.value<std::uint64_t>();  // how many are searched
    EIDETIC_TRY(const Bytes centroids, coarse(header, lists));
    const auto direct_map = in_.value<std::uint8_t>();  // finds ids in the lists: they are read here all the same
    (void)in_.array(sizeof(std::int64_t));
    if (direct_map == 2) (void)in_.array(2 * sizeof(std::int64_t));
    records_.kind += fmt::format("IVF{},", lists);
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
    if (relative) records_.centroids = floats(centroids);
    EIDETIC_CHECK(read_lists(header, lists));
    return header;
  }

  // The coarse quantizer: a centroid a list.
  [[nodiscard]] Result<Bytes> coarse(const Header& outer, std::uint64_t lists) {
    const auto code = in_.value<FourCc>();
    if (!in_.ok()) return cut_off();
    if (!is_one_of(code, "IxFl IxF2 IxFI")) return unsupported("is a FAISS index IVF over", code);
    EIDETIC_TRY(const Header header, this->header());
    const Bytes centroids = in_.array(sizeof(float));
    if (!in_.ok()) return cut_off();
    if (header.dimensions != outer.dimensions || header.size != lists ||
        centroids.size() != product(lists, std::uint64_t{header.dimensions} * sizeof(float))) {
      return corrupt(fmt::format("{} lists with {} centroids", lists, header.size));
    }
    return centroids;
  }

  [[nodiscard]] Result<std::vector<std::uint64_t>> list_sizes(std::uint64_t lists) {
    const auto form = in_.value<FourCc>();
    const bool sparse = is_one_of(form, "sprs");
    const Bytes numbers = in_.array(sizeof(std::uint64_t));
    if (!in_.ok()) return cut_off();
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
    if (!in_.ok()) return cut_off();
    if (!is_one_of(kind, "ilar")) {
      return fail(
          ErrorCode::unsupported,
          fmt::format("is a FAISS index whose lists are stored as '{}', perhaps in a file of their own; read it "
                      "with FAISS, copy it into an index in memory, and write that",
                      is_printable(kind) ? view(kind) : "?"));
    }
    const auto count = in_.value<std::uint64_t>();
    const auto code_bytes = in_.value<std::uint64_t>();
    if (!in_.ok()) return cut_off();
    if (count != lists || code_bytes != records_.codec.code_bytes) {
      return corrupt(fmt::format("{} lists of {} bytes a vector in place of {} of {}", count, code_bytes, lists,
                                 records_.codec.code_bytes));
    }
    EIDETIC_TRY(const auto sizes, list_sizes(lists));
    for (std::uint32_t list = 0; list < sizes.size(); ++list) {
      const Bytes codes = in_.bytes(product(sizes[list], code_bytes));
      const Bytes ids = in_.bytes(product(sizes[list], sizeof(std::int64_t)));
      if (!in_.ok()) return cut_off();
      records_.lists.push_back(codes);
      add_entries(ids, list);
    }
    if (records_.entries.size() != header.size) {
      return corrupt(fmt::format("{} vectors in its lists, {} in all", records_.entries.size(), header.size));
    }
    return {};
  }

  void add_entries(Bytes ids, std::uint32_t list) {
    for (std::size_t i = 0; i < ids.size() / sizeof(std::int64_t); ++i) {
      Entry entry{.id = 0, .list = list, .place = static_cast<std::uint32_t>(i)};
      std::memcpy(&entry.id, ids.data() + i * sizeof(entry.id), sizeof(entry.id));
      records_.entries.push_back(entry);
    }
  }

  // IDMap: another id for each place of the index inside.
  [[nodiscard]] Result<Header> behind_ids(int depth) {
    EIDETIC_TRY(const Header header, this->header());
    records_.kind += "IDMap,";
    EIDETIC_TRY(const Header inside, index(depth + 1));
    const Bytes ids = in_.array(sizeof(std::int64_t));
    if (!in_.ok()) return cut_off();
    if (inside.dimensions != header.dimensions || inside.size != header.size ||
        ids.size() != header.size * sizeof(std::int64_t)) {
      return corrupt("its ids are not as many as its vectors");
    }
    if (records_.entries.empty()) {
      add_entries(ids, 0);
      return header;
    }
    for (auto& entry : records_.entries) {
      if (entry.id < 0 || static_cast<std::uint64_t>(entry.id) >= header.size)
        return corrupt("an id behind all others");
      std::memcpy(&entry.id, ids.data() + static_cast<std::size_t>(entry.id) * sizeof(entry.id), sizeof(entry.id));
    }
    return header;
  }

  [[nodiscard]] Result<Header> behind_transforms(int depth) {
    EIDETIC_TRY(const Header header, this->header());
    const auto count = in_.value<std::int32_t>();
    if (!in_.ok()) return cut_off();
    if (count < 0 || count > kMaxTransforms) return corrupt(fmt::format("{} transforms", count));
    std::uint32_t dimensions = header.dimensions;
    for (std::int32_t i = 0; i < count; ++i) {
      EIDETIC_TRY(auto step, transform());
      if (step.from != dimensions) return corrupt(fmt::format("a transform of {} dimensions", step.from));
      dimensions = step.to;
      records_.transforms.push_back(std::move(step));
    }
    EIDETIC_TRY(const Header inside, index(depth + 1));
    if (inside.dimensions != dimensions || inside.size != header.size) {
      return corrupt("its transform does not fit what it stores");
    }
    return header;
  }

  [[nodiscard]] Result<Transform> transform() {
    const auto code = in_.value<FourCc>();
    if (!in_.ok()) return cut_off();
    Transform step;
    Bytes matrix, mean, bias;
    const bool linear = is_one_of(code, "LTra rrot PCAm PcAm Pcam");
    bool biased = false;
    if (linear) {
      if (code[0] == 'P') {
        (void)in_.bytes(sizeof(float) + (is_one_of(code, "Pcam") ? sizeof(float) : 0) + 1);
        if (!is_one_of(code, "PCAm")) (void)in_.value<std::int32_t>();
        for (int i = 0; i < 3; ++i) (void)in_.array(sizeof(float));  // what the matrix was made of
      }
      biased = in_.value<std::uint8_t>() != 0;
      matrix = in_.array(sizeof(float));
      bias = in_.array(sizeof(float));
    } else if (is_one_of(code, "VCnt")) {
      mean = in_.array(sizeof(float));
    } else if (is_one_of(code, "VNrm")) {
      (void)in_.value<float>();  // nothing is undone: the length is lost
    } else {
      return unsupported("is a FAISS index behind the transform", code);
    }
    const auto from = in_.value<std::int32_t>();
    const auto to = in_.value<std::int32_t>();
    (void)in_.value<std::uint8_t>();  // trained
    if (!in_.ok()) return cut_off();
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
    records_.kind += linear ? fmt::format("{}{},",
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
    auto& entries = records_.entries;
    std::ranges::sort(entries, {}, &Entry::id);
    if (!entries.empty() && entries.front().id < 0) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("holds a vector of the id {}; ids from 0 on can be imported", entries.front().id));
    }
    const auto twice = std::ranges::adjacent_find(entries, {}, &Entry::id);
    if (twice == entries.end()) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("holds two vectors of the id {}; an item has one: give each its own id", twice->id));
  }

  Input in_;
  Records records_;
};

}  // namespace

Result<Records> read_records(Bytes content) { return Reader(content).read(); }

}  // namespace eidetic::faiss
