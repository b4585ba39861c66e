// PBM, PGM and PPM, as text (P1 to P3) and binary (P4 to P6). libvips counts its own loader as untrusted.
// Source: netpbm.sourceforge.net/doc/ppm.html, pgm.html, pbm.html.
#include <algorithm>
#include <optional>

#include "image/decoders.h"
#include "image/endian.h"

namespace eidetic {
namespace {

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  // A number, after white space and comments.
  std::optional<std::uint32_t> number() {
    skip_space();
    std::optional<std::uint32_t> value;
    for (; at_ < bytes_.size() && is_digit(here()); ++at_) {
      value = value.value_or(0) * 10 + static_cast<std::uint32_t>(here() - '0');
      if (*value > 1'000'000'000) return std::nullopt;
    }
    return value;
  }
  // One digit 0 or 1: those of P1 need no space between them.
  std::optional<std::uint32_t> bit() {
    skip_space();
    if (at_ >= bytes_.size() || (here() != '0' && here() != '1')) return std::nullopt;
    return static_cast<std::uint32_t>(std::to_integer<char>(bytes_[at_++]) - '0');
  }
  // The one white space between header and binary samples.
  void skip_separator() { ++at_; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  void move_to(std::size_t position) noexcept { at_ = position; }

 private:
  [[nodiscard]] char here() const { return std::to_integer<char>(bytes_[at_]); }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_space() {
    for (bool comment = false; at_ < bytes_.size(); ++at_) {
      const char c = here();
      if (c == '#') comment = true;
      if (c == '\n' || c == '\r') comment = false;
      if (!comment && c != ' ' && (c < '\t' || c > '\r')) return;
    }
  }

  Bytes bytes_;
  std::size_t at_ = 0;
};

std::uint8_t to_eight(std::uint32_t sample, std::uint32_t most) {
  return static_cast<std::uint8_t>((std::min(sample, most) * 255 + most / 2) / most);
}

struct Header {
  int kind = 0;  // the digit after P
  std::int64_t width = 0, height = 0;
  std::uint32_t most = 1;  // the value of full light

  [[nodiscard]] bool bitmap() const { return kind == 1 || kind == 4; }
  [[nodiscard]] bool color() const { return kind == 3 || kind == 6; }
  [[nodiscard]] bool text() const { return kind <= 3; }
};

// The next sample as light, 0 to 255; where the file ends, no light.
std::uint8_t text_sample(Reader& reader, const Header& header) {
  if (header.bitmap()) return reader.bit().value_or(1) == 0 ? 255 : 0;
  return to_eight(reader.number().value_or(0), header.most);
}

void read_text(Reader& reader, const Header& header, std::vector<std::uint8_t>& pixels) {
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    const std::uint8_t first = text_sample(reader, header);
    pixels[i] = first;
    pixels[i + 1] = header.color() ? text_sample(reader, header) : first;
    pixels[i + 2] = header.color() ? text_sample(reader, header) : first;
  }
}

void read_binary(const ByteReader& file, std::size_t at, const Header& header, std::vector<std::uint8_t>& pixels) {
  const std::size_t width = static_cast<std::size_t>(header.width);
  const std::size_t samples = header.color() ? 3 : 1;
  const std::size_t bytes = header.most > 255 ? 2 : 1;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t pixel = i / 3;
    if (header.bitmap()) {
      const std::size_t x = pixel % width;
      const std::uint32_t eight = file.u8(at + pixel / width * ((width + 7) / 8) + x / 8).value_or(0xff);
      pixels[i] = (eight >> (7 - x % 8) & 1) == 0 ? 255 : 0;
      continue;
    }
    const std::size_t sample = at + bytes * (pixel * samples + (samples == 3 ? i % 3 : 0));
    pixels[i] = to_eight(bytes == 2 ? file.u16(sample).value_or(0) : file.u8(sample).value_or(0), header.most);
  }
}

}  // namespace

Facts pnm_facts(Bytes bytes) {
  Reader reader(bytes);
  reader.move_to(2);
  Facts facts;
  facts.width = reader.number().value_or(0);
  facts.height = reader.number().value_or(0);
  return facts;
}

Result<Decoded> decode_pnm(Bytes bytes, const DecodeOptions& options) {
  Header header{.kind = std::to_integer<int>(bytes[1]) - '0'};
  Reader reader(bytes);
  reader.move_to(2);
  header.width = reader.number().value_or(0);
  header.height = reader.number().value_or(0);
  if (!header.bitmap()) header.most = reader.number().value_or(0);
  EIDETIC_CHECK(check_size("PNM", header.width, header.height, options));
  if (header.most < 1 || header.most > 65535) {
    return fail(ErrorCode::corrupt, "damaged PNM header: the value of full light must be 1 to 65535");
  }
  reader.skip_separator();
  if (reader.position() >= bytes.size()) return fail(ErrorCode::corrupt, "damaged PNM data: there is none");
  Decoded decoded;
  decoded.image.width = static_cast<std::int32_t>(header.width);
  decoded.image.height = static_cast<std::int32_t>(header.height);
  decoded.image.pixels.resize(std::size_t{3} * decoded.image.width * decoded.image.height);
  if (header.text()) {
    read_text(reader, header, decoded.image.pixels);
  } else {
    read_binary(ByteReader(bytes, false), reader.position(), header, decoded.image.pixels);
  }
  return decoded;
}

}  // namespace eidetic
